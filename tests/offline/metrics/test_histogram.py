"""The order of codes, what bins hold, and that memory stays bounded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.offline.metrics.histogram import ScoreHistogram, ordered

finite = st.floats(width=32, allow_nan=False)


@given(finite, finite)
def test_codes_have_the_order_of_the_scores(a: float, b: float) -> None:
    x, y = ordered(np.array([a, b], np.float32))
    assert (x < y, x == y) == (a < b, a == b)


def test_bins_come_highest_first_with_their_weights() -> None:
    histogram = ScoreHistogram()
    scores = np.array([-1, 2, 2, 0, -0.0, 2], np.float32)
    histogram.add(scores, np.array([0, 4, 0, 0, 2, 4], np.uint32))
    bins = histogram.bins()
    assert bins.normal.tolist() == [1, 1, 1]
    assert bins.anomalous.tolist() == [2, 1, 0]
    assert bins.overlap.tolist() == [0.5, 0.5, 0]
    assert bins.shift == 0


@pytest.mark.parametrize("most", [1, 7, 100])
def test_no_more_bins_than_allowed_and_no_pixel_lost(most: int) -> None:
    rng = np.random.default_rng(0)
    histogram = ScoreHistogram(most, buffer=64)
    for _ in range(10):
        scores = rng.normal(size=333).astype(np.float32)
        histogram.add(scores, rng.integers(0, 3, 333).astype(np.uint32))
        assert len(histogram.bins().normal) <= max(most, 1)
    bins = histogram.bins()
    assert bins.normal.sum() + bins.anomalous.sum() == 3330
    assert bins.shift > 0


def test_adding_goes_on_after_a_look() -> None:
    histogram = ScoreHistogram()
    for _ in range(2):
        histogram.add(np.zeros(3, np.float32), np.zeros(3, np.uint32))
        histogram.bins()
    assert histogram.bins().normal.tolist() == [6]
