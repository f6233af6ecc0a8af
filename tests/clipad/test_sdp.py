from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from app.clipad import maps
from app.clipad.choices import Taps
from app.clipad.sdp import StagedDualPath
from app.errors import BackboneError
from tests import parity
from tests.clipad.models import random_images, tiny_clip


@pytest.mark.parametrize("taps", ["equation", "released"])
def test_stage_tokens_equal_the_released_implementation(taps: str) -> None:
    expected = parity.expected("tiny-vit")
    path = StagedDualPath(parity.backbone("tiny-vit").model.visual, taps)
    tokens = path(expected["pixels"])
    for stage in range(4):
        for name, values in (("surgery", tokens.surgery), ("original", tokens.original)):
            torch.testing.assert_close(
                values[stage], expected[f"{taps}.{name}_{stage}"], atol=1e-4, rtol=0
            )


@pytest.mark.parametrize("taps", ["equation", "released"])
def test_maps_and_class_score_equal_the_released_implementation(taps: str) -> None:
    expected = parity.expected("tiny-vit")
    path = StagedDualPath(parity.backbone("tiny-vit").model.visual, taps)
    tokens = path(expected["pixels"], original=False)
    text = expected["text.mean.metal nut"].expand(3, -1, -1)
    raw = maps.sdp_map(tokens.surgery, text, 96)
    score = maps.class_score(tokens.surgery[-1][:, 0], text)
    for value, name in (
        (raw, "sdp_map"),
        (maps.smooth(raw, 2), "sdp_map_smooth"),
        (score, "text_prob"),
    ):
        torch.testing.assert_close(value, expected[f"{taps}.{name}"], atol=1e-5, rtol=0)


def _plainly(visual: nn.Module, images: Tensor, taps: Taps, stages: Sequence[int]) -> list[Tensor]:
    """Surgery tokens by the equations, layer by layer with torch's own attention module."""
    blocks = list(visual.transformer.resblocks)
    size = len(blocks) // 4
    x = visual._embeds(images)
    tokens, s = [], torch.zeros(())
    for index, block in enumerate(blocks):
        y = block.ln_1(x)
        width = y.shape[-1]
        weight, bias = block.attn.in_proj_weight, block.attn.in_proj_bias
        v = y @ weight[2 * width :].T + bias[2 * width :]
        heads = v.unflatten(-1, (block.attn.num_heads, -1)).transpose(1, 2)
        scores = heads @ heads.transpose(-1, -2) / heads.shape[-1] ** 0.5
        d = block.attn.out_proj((scores.softmax(-1) @ heads).transpose(1, 2).flatten(2))
        residual = block.attn(y, y, y, need_weights=False)[0]
        if taps is Taps.RELEASED and index and index % size == 0:
            tokens[-1] = torch.cat([tokens[-1][:, :1] + residual[:, :1], tokens[-1][:, 1:]], 1)
        s = d if index % size == 0 else s + d
        x = x + residual
        x = x + block.mlp(block.ln_2(x))
        if (index + 1) % size == 0:
            tokens.append(torch.cat([x[:, :1], s[:, 1:]], 1))
    return [visual.ln_post(tokens[stage - 1]) @ visual.proj for stage in stages]


@pytest.mark.parametrize("taps", list(Taps))
@pytest.mark.parametrize("stages", [(1, 2, 3, 4), (2,), (1, 3), (4,)])
@pytest.mark.parametrize(
    "shape",
    [
        {"layers": 8, "patch_size": 8, "image_size": 48},
        {"layers": 4, "patch_size": 16, "image_size": 80, "width": 48, "head_width": 24},
        {"layers": 12, "patch_size": 14, "image_size": 28},
    ],
)
def test_surgery_follows_the_equations_in_any_shape(
    taps: Taps, stages: tuple[int, ...], shape: dict[str, int]
) -> None:
    visual = tiny_clip(**shape).visual
    images = random_images(2, shape["image_size"])
    expected = _plainly(visual, images, taps, stages)
    tokens = StagedDualPath(visual, taps, stages)(images)
    assert len(tokens.surgery) == len(tokens.original) == len(stages)
    for value, wanted in zip(tokens.surgery, expected, strict=True):
        torch.testing.assert_close(value, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("taps", list(Taps))
@pytest.mark.parametrize("stages", [None, (1, 2)])
def test_leaving_the_original_path_out_changes_nothing_else(
    taps: Taps, stages: tuple[int, ...] | None
) -> None:
    path = StagedDualPath(tiny_clip(layers=8).visual, taps, stages)
    images = random_images(2, 48)
    whole, short = path(images), path(images, original=False)
    assert short.original == ()
    for value, wanted in zip(short.surgery, whole.surgery, strict=True):
        torch.testing.assert_close(value, wanted, atol=1e-6, rtol=1e-5)


def test_the_last_class_token_is_the_plain_image_embedding() -> None:
    model = tiny_clip(layers=8)
    images = random_images(3, 48)
    tokens = StagedDualPath(model.visual)(images, original=False)
    torch.testing.assert_close(tokens.surgery[-1][:, 0], model.encode_image(images))


@pytest.mark.parametrize("shape", [{"image_size": 50}, {"image_size": 60, "patch_size": 16}])
def test_a_side_that_is_no_multiple_of_the_patch_works(shape: dict[str, int]) -> None:
    visual = tiny_clip(**shape).visual
    path = StagedDualPath(visual)
    images = random_images(2, shape["image_size"])
    expected = _plainly(visual, images, Taps.EQUATION, (1, 2, 3, 4))
    torch.testing.assert_close(path(images).surgery[3], expected[3], atol=1e-5, rtol=1e-5)
    assert path.patch == shape.get("patch_size", 8)
    assert path.grid == shape["image_size"] // path.patch


def test_an_image_gives_the_same_tokens_alone_and_in_a_batch() -> None:
    path = StagedDualPath(tiny_clip().visual)
    images = random_images(5, 48)
    batch = path(images).surgery
    alone = path(images[3:4]).surgery
    for many, one in zip(batch, alone, strict=True):
        torch.testing.assert_close(many[3:4], one, atol=1e-6, rtol=1e-5)


def test_forward_changes_no_state_and_registers_no_hook() -> None:
    model = tiny_clip()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    images = random_images(1, 48)
    plain = model.encode_image(images)
    StagedDualPath(model.visual, "released")(images)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(model.encode_image(images), plain)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_any_subset_of_patches_may_run_and_gradients_flow() -> None:
    model = tiny_clip().requires_grad_(True)
    path = StagedDualPath(model.visual)
    tokens = path.embed(random_images(1, 48))[:, [0, 5, 6, 7]]
    result = path.run(tokens)
    assert result.surgery[0].shape == (1, 4, 24)
    sum(stage.square().sum() for stage in result.surgery).backward()
    gradient = model.visual.transformer.resblocks[0].attn.in_proj_weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


def test_a_depth_that_is_no_multiple_of_four_is_refused() -> None:
    with pytest.raises(BackboneError, match="6 layers: expected a multiple of 4"):
        StagedDualPath(tiny_clip(layers=6).visual)


@pytest.mark.parametrize("stages", [(), (0, 1), (5,)])
def test_stages_out_of_range_are_refused(stages: tuple[int, ...]) -> None:
    with pytest.raises(BackboneError, match="expected a choice from 1 to 4"):
        StagedDualPath(tiny_clip().visual, stages=stages)


def test_a_tower_without_a_class_token_embedding_is_refused() -> None:
    with pytest.raises(BackboneError, match="projected class token"):
        StagedDualPath(tiny_clip(pool_type="avg").visual)


def test_a_resnet_is_refused() -> None:
    with pytest.raises(BackboneError, match="ModifiedResNet: expected"):
        StagedDualPath(parity.backbone("tiny-resnet").model.visual)
