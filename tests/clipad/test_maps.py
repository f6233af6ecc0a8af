import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor

from app.clipad import maps


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _texts(batch: int, dim: int, seed: int = 1) -> Tensor:
    return F.normalize(_random(batch, dim, 2, seed=seed), dim=1)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0, 3.2, 8.0, 40.0])
@pytest.mark.parametrize("side", [5, 96, 240])
def test_smoothing_equals_scipys_gaussian_filter(side: int, sigma: float) -> None:
    planes = _random(2, side, side)
    expected = torch.stack([torch.from_numpy(gaussian_filter(p.numpy(), sigma)) for p in planes])
    torch.testing.assert_close(maps.smooth(planes, sigma), expected, atol=1e-5, rtol=0)


def test_sigma_zero_leaves_the_map_alone() -> None:
    planes = _random(1, 12, 12)
    assert maps.smooth(planes, 0) is planes


def test_feature_surgery_is_what_the_long_way_round_gives() -> None:
    # Weight the products f * T of both texts, take their mean over the texts away, add up over D.
    tokens, text = _random(3, 10, 24), _texts(3, 24)
    f = F.normalize(tokens, dim=-1)
    weights = torch.einsum("bd,bdt->bt", f[:, 0], text).softmax(-1)
    weights = weights / weights.mean(-1, keepdim=True)
    products = f[:, 1:, :, None] * text[:, None] * weights[:, None, None]
    redundant = products.mean(-1, keepdim=True)
    expected = (products - redundant).sum(2)[..., 1]
    torch.testing.assert_close(maps.stage_map(tokens, text), expected, atol=1e-6, rtol=1e-5)


def test_the_sdp_map_sums_stages_and_upsamples_by_pixel_centres() -> None:
    surgery, text = [_random(2, 10, 24, seed=s) for s in range(3)], _texts(2, 24)
    grids = sum(maps.stage_map(tokens, text) for tokens in surgery).reshape(2, 1, 3, 3)
    expected = F.interpolate(grids, (12, 12), mode="bilinear", align_corners=False)[:, 0]
    torch.testing.assert_close(maps.sdp_map(surgery, text, 12), expected)


def test_names_mix_in_a_batch() -> None:
    tokens, text = _random(4, 10, 24), _texts(4, 24)
    together = maps.stage_map(tokens, text)
    for index in range(4):
        alone = maps.stage_map(tokens[index : index + 1], text[index : index + 1])
        torch.testing.assert_close(together[index : index + 1], alone)


def test_the_class_score_is_a_softmax_at_temperature_100() -> None:
    cls, text = _random(5, 24), _texts(5, 24)
    cosines = torch.einsum("bd,bdt->bt", F.normalize(cls, dim=-1), text)
    expected = (100 * cosines).softmax(-1)[:, 1]
    torch.testing.assert_close(maps.class_score(cls, text), expected)
    torch.testing.assert_close(maps.class_score(7 * cls, text), expected)


def test_the_image_score_adds_the_maps_maximum() -> None:
    planes = torch.zeros(2, 4, 4)
    planes[0, 1, 2], planes[1] = 0.25, -0.5
    score, peak = maps.image_score(torch.tensor([0.5, 0.75]), planes)
    assert peak.tolist() == [0.25, -0.5]
    assert score.tolist() == [0.75, 0.25]
