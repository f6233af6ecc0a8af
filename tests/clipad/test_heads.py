import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from app.clipad import maps
from app.clipad.heads import LinearHeads
from tests import parity

CASES = [(model, taps) for model in parity.MODELS for taps in parity.taps_of(model)]


def parity_heads(model: str, prefix: str) -> LinearHeads:
    """Heads with the parity data's weights under `prefix` (`head` or `<tap>.trained`)."""
    expected = parity.expected(model)
    widths = [expected[f"head.fc.{stage}.weight"].shape[1] for stage in range(4)]
    heads = LinearHeads(widths, expected["head.fc.0.weight"].shape[0])
    heads.load_state_dict({key: expected[f"{prefix}.{key}"] for key in heads.state_dict()})
    return heads


def parity_patches(model: str, taps: str) -> list[Tensor]:
    """The original path's patch tokens of the parity data."""
    first = 1 if model == "tiny-vit" else 0  # a ResNet's layers have no class token
    return [parity.expected(model)[f"{taps}.original_{stage}"][:, first:] for stage in range(4)]


@pytest.mark.parametrize(("model", "taps"), CASES)
def test_maps_of_heads_equal_the_released_implementation(model: str, taps: str) -> None:
    expected = parity.expected(model)
    text = expected["text.mean.metal nut"].expand(3, -1, -1)
    with torch.no_grad():
        projected = parity_heads(model, "head")(parity_patches(model, taps))
        map_of_heads = maps.heads_map(projected, text, 96)
    plus = expected[f"{taps}.sdp_map"] + map_of_heads
    for value, name in (
        (map_of_heads, "ft_map"),
        (plus, "plus_map"),
        (maps.smooth(plus, 2), "plus_map_smooth"),
    ):
        torch.testing.assert_close(value, expected[f"{taps}.{name}"], atol=5e-5, rtol=0)


def test_planes_are_probabilities_summed_over_the_stages() -> None:
    text = parity.expected("tiny-vit")["text.mean.carpet"].expand(3, -1, -1)
    with torch.no_grad():
        projected = parity_heads("tiny-vit", "head")(parity_patches("tiny-vit", "equation"))
    planes = maps.head_planes(projected, text, 40)
    assert planes.shape == (4, 3, 40, 40)
    assert planes.min() >= 0
    assert planes.max() <= 1
    total = maps.heads_map(projected, text, 40)
    torch.testing.assert_close(total, planes.sum(0))


@pytest.mark.parametrize("grid", [1, 2, 15])
def test_logits_are_upsampled_with_corners_in_place(grid: int) -> None:
    generator = torch.Generator().manual_seed(0)
    projected = [torch.randn(2, grid**2, 8, generator=generator)]
    text = F.normalize(torch.randn(2, 8, 2, generator=generator), dim=1)
    cosines = F.normalize(projected[0], dim=-1) @ text
    logits = (100 * cosines).reshape(2, grid, grid, 2).movedim(-1, 1)
    upsampled = F.interpolate(logits, (24, 24), mode="bilinear", align_corners=True)
    expected = upsampled.softmax(1)[:, 1]
    torch.testing.assert_close(
        maps.head_planes(projected, text, 24)[0], expected, atol=2e-5, rtol=0
    )
