"""Pixel figures against scikit-learn on all pixels, and PRO against an independent one."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from app.offline.metrics.figures import PixelFigures
from app.offline.metrics.pixel import PixelScores, map_auroc
from tests.offline.metrics.maps import Maps, Masks, random_maps, slow_pro

EXACT = 1e-12


def figures(
    maps: Maps, masks: Masks, bins: int = 1 << 20, buffer: int = 1 << 20, batch: int = 4
) -> PixelFigures | None:
    scores = PixelScores(bins, buffer)
    for start in range(0, len(maps), batch):
        scores.add(maps[start : start + batch], masks[start : start + batch])
    return scores.figures()


def certain(maps: Maps, masks: Masks, bins: int = 1 << 20, buffer: int = 1 << 20) -> PixelFigures:
    found = figures(maps, masks, bins, buffer)
    assert found is not None
    return found


def by_all_pixels(maps: Maps, masks: Masks) -> PixelFigures:
    truth, scores = masks.ravel(), maps.ravel().astype(np.float32)
    precision, recall, _ = precision_recall_curve(truth, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    return PixelFigures(
        auroc=float(roc_auc_score(truth, scores)),
        f1_max=float(f1.max()),
        ap=float(average_precision_score(truth, scores)),
        pro=slow_pro(maps, masks),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("buffer", [100, 1 << 20])
def test_few_pixels_are_exact(seed: int, buffer: int) -> None:
    maps, masks = random_maps(seed)
    found = certain(maps, masks, buffer=buffer)
    assert astuple(found)[:4] == pytest.approx(astuple(by_all_pixels(maps, masks))[:4], abs=EXACT)
    assert astuple(found)[4:] == (0.0,) * 4


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bins", [3000, 300, 30, 3])
def test_many_pixels_stay_within_the_stated_errors(seed: int, bins: int) -> None:
    maps, masks = random_maps(seed)
    found, exact = certain(maps, masks, bins=bins, buffer=1000), by_all_pixels(maps, masks)
    assert found.auroc_error > 0
    for name in ("auroc", "f1_max", "ap", "pro"):
        error = getattr(found, f"{name}_error")
        assert abs(getattr(found, name) - getattr(exact, name)) <= error + EXACT, name


def test_errors_shrink_with_the_bins() -> None:
    maps, masks = random_maps(0)
    coarse, fine = certain(maps, masks, bins=100), certain(maps, masks, bins=2000)
    for narrow, wide in zip(astuple(fine)[4:], astuple(coarse)[4:], strict=True):
        assert 0 <= narrow < wide / 4


def test_how_maps_come_in_does_not_matter() -> None:
    maps, masks = random_maps(1)
    one = figures(maps, masks, bins=500, buffer=777, batch=1)
    assert one is not None
    rest = astuple(certain(maps, masks, bins=500))
    assert astuple(one) == pytest.approx(rest, rel=1e-12)


small = st.integers(1, 4).flatmap(
    lambda count: st.tuples(
        arrays(
            np.float32,
            (count, 5, 5),
            elements=st.one_of(
                st.sampled_from([-1.0, -0.0, 0.0, 0.5, float("inf"), -float("inf")]),
                st.floats(width=32, allow_nan=False),
            ),
        ),
        arrays(np.bool_, (count, 5, 5)),
    )
)


@given(small, st.sampled_from([2, 4, 1 << 20]))
def test_any_small_maps(case: tuple[Maps, Masks], bins: int) -> None:
    maps, masks = case
    found = figures(maps, masks, bins=bins, buffer=16)
    if masks.all() or not masks.any():
        assert found is None
        return
    assert found is not None
    # scikit-learn refuses infinite scores; ranks have the same order and the same ties.
    ranks = np.unique(maps, return_inverse=True)[1].reshape(maps.shape).astype(np.float32)
    exact = by_all_pixels(ranks, masks)
    for name in ("auroc", "f1_max", "ap", "pro"):
        error = getattr(found, f"{name}_error")
        assert abs(getattr(found, name) - getattr(exact, name)) <= error + 1e-9, name


def test_equal_scores_are_chance() -> None:
    maps, masks = np.full((2, 8, 8), 0.25, np.float32), np.zeros((2, 8, 8), bool)
    masks[0, :4] = True
    found = certain(maps, masks)
    assert (found.auroc, found.ap) == pytest.approx((0.5, 0.25))
    assert found.f1_max == pytest.approx(2 * 0.25 / 1.25)
    assert found.pro == pytest.approx(0.15)


def test_a_single_perfect_map() -> None:
    masks = np.zeros((1, 8, 8), bool)
    masks[0, 2:4, 2:4] = True
    assert astuple(certain(masks.astype(np.float32), masks)) == (1, 1, 1, 1, 0, 0, 0, 0)


def test_a_small_region_counts_as_much_as_a_large_one() -> None:
    masks = np.zeros((1, 20, 20), bool)
    masks[0, :10, :10] = masks[0, 15, 15] = True
    maps = np.zeros((1, 20, 20), np.float32)
    maps[0, :10, :10] = 1
    # One of two regions is found at no false positive; the other rises with the rate.
    assert certain(maps, masks).pro == pytest.approx(0.5 + 0.5 * 0.15)


def test_regions_that_touch_at_a_corner_are_one() -> None:
    masks = np.zeros((1, 6, 6), bool)
    masks[0, 0, 0] = masks[0, 1, 1] = masks[0, 1, 2] = True
    maps = np.zeros((1, 6, 6), np.float32)
    maps[0, 0, 0] = 1
    assert certain(maps, masks).pro == pytest.approx(1 / 3 + 2 / 3 * 0.15)


@pytest.mark.parametrize("truth", [False, True])
def test_one_class_alone_has_no_figures(truth: bool) -> None:
    scores = PixelScores()
    scores.add(np.zeros((2, 4, 4), np.float32), np.full((2, 4, 4), truth))
    assert scores.figures() is None
    assert scores.curves() == {}


def test_nothing_added_has_no_figures() -> None:
    assert PixelScores().figures() is None


def test_float16_counts_as_the_float32_it_is() -> None:
    maps, masks = random_maps(2)
    half = maps.astype(np.float16)
    assert certain(half, masks) == certain(half.astype(np.float32), masks)  # type: ignore[arg-type]


def test_what_does_not_fit_is_refused_by_name() -> None:
    scores, masks = PixelScores(), np.zeros((2, 4, 4), bool)
    holed = np.zeros((2, 4, 4), np.float32)
    holed[1, 0, 0] = np.nan
    with pytest.raises(ValueError, match="map 1 of the batch holds NaN"):
        scores.add(holed, masks)
    with pytest.raises(ValueError, match="maps of float64"):
        scores.add(np.zeros((2, 4, 4)), masks)
    with pytest.raises(ValueError, match=r"\(2, 4, 4\) alike|expected both"):
        scores.add(np.zeros((2, 4, 5), np.float32), masks)
    assert scores.figures() is None


def test_curves_are_thin_and_say_what_the_figures_say() -> None:
    maps, masks = random_maps(3)
    scores = PixelScores()
    scores.add(maps, masks)
    found, curves = scores.figures(), scores.curves()
    assert found is not None
    assert set(curves) == {"pixel_roc", "pixel_pr", "pro"}
    for curve in curves.values():
        assert len(curve.x) == len(curve.y) <= 500
        assert list(curve.x) == sorted(curve.x)
    assert curves["pro"].x[-1] == 0.3
    areas = {name: np.trapezoid(curve.y, curve.x) for name, curve in curves.items()}
    assert areas["pixel_roc"] == pytest.approx(found.auroc, abs=0.01)
    assert areas["pixel_pr"] == pytest.approx(found.ap, abs=0.02)
    assert areas["pro"] / 0.3 == pytest.approx(found.pro, abs=0.01)


@pytest.mark.parametrize("digits", [1, 6])
def test_one_map_by_itself(digits: int) -> None:
    maps, masks = random_maps(4)
    rounded = maps.round(digits)  # one digit leaves many ties
    expected = roc_auc_score(masks[1].ravel(), rounded[1].ravel())
    assert map_auroc(rounded[1], masks[1]) == pytest.approx(expected)
    assert map_auroc(rounded[0], masks[0]) is None
    assert map_auroc(rounded[0], ~masks[0]) is None
