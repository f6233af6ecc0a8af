import pytest
import torch

from app.clipad import maps
from app.clipad.resnet import ResNetDualPath
from app.errors import BackboneError
from tests import parity


def test_stage_tokens_equal_the_released_implementation() -> None:
    expected = parity.expected("tiny-resnet")
    path = ResNetDualPath(parity.backbone("tiny-resnet").model.visual, "released")
    tokens = path(expected["pixels"])
    assert len(tokens.surgery) == 1
    for ours, name in (
        (tokens.surgery[0], "surgery_0"),
        *((tokens.original[layer], f"original_{layer}") for layer in range(4)),
    ):
        wanted = expected[f"released.{name}"]
        # The deepest reach 1400, where a float32 step is 1.2e-4: how many threads share the sum
        # moves it by several, so where 1e-4 is out of reach agreement is asked of their scale.
        atol = max(1e-4, 1e-6 * wanted.abs().max().item())
        torch.testing.assert_close(ours, wanted, atol=atol, rtol=0)


def test_maps_and_class_score_equal_the_released_implementation() -> None:
    expected = parity.expected("tiny-resnet")
    path = ResNetDualPath(parity.backbone("tiny-resnet").model.visual, "released")
    tokens = path(expected["pixels"], original=False)
    assert tokens.original == ()
    text = expected["text.mean.metal nut"].expand(3, -1, -1)
    raw = maps.sdp_map(tokens.surgery, text, 96)
    score = maps.class_score(tokens.surgery[-1][:, 0], text)
    for value, name in (
        (raw, "sdp_map"),
        (maps.smooth(raw, 2), "sdp_map_smooth"),
        (score, "text_prob"),
    ):
        torch.testing.assert_close(value, expected[f"released.{name}"], atol=1e-5, rtol=0)


def test_the_equation_tap_keeps_the_class_token_as_trained() -> None:
    model = parity.backbone("tiny-resnet").model
    pixels = parity.expected("tiny-resnet")["pixels"]
    tokens = ResNetDualPath(model.visual, "equation")(pixels)
    torch.testing.assert_close(
        tokens.surgery[0][:, 0], model.encode_image(pixels), atol=1e-4, rtol=1e-5
    )
    released = ResNetDualPath(model.visual, "released")(pixels)
    assert not torch.allclose(tokens.surgery[0][:, 0], released.surgery[0][:, 0], rtol=1e-3)


def test_selected_stages_are_the_layer_outputs_delivered() -> None:
    visual = parity.backbone("tiny-resnet").model.visual
    pixels = parity.expected("tiny-resnet")["pixels"]
    chosen = ResNetDualPath(visual, "released", stages=(2, 4))(pixels)
    assert [output.shape[-1] for output in chosen.original] == [128, 512]


def test_a_vit_is_refused() -> None:
    with pytest.raises(BackboneError, match="VisionTransformer: expected"):
        ResNetDualPath(parity.backbone("tiny-vit").model.visual)
