"""Split conformal: the formulas by hand, the equivalences for any scores, the rates by trial."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from app.calibration import Calibration, expected_rate, needed, rank, rate_95

figures = st.floats(-5, 5) | st.sampled_from([0.0, 0.5, 1.0])  # ties among them
thousandths = st.integers(1, 999).map(lambda count: count / 1000)
# What somebody computes who wants the k-th of n + 1: as a decimal it may be a hair too small.
quotients = st.integers(2, 401).flatmap(lambda m: st.integers(1, m - 1).map(lambda k: k / m))
rates = thousandths | quotients


def calibrated(scores: list[float], alpha: float = 0.05) -> Calibration:
    return Calibration(scores, scores, scores, alpha)


@pytest.mark.parametrize(
    ("n", "alpha", "k"),
    [(18, 0.05, 0), (19, 0.05, 1), (20, 0.05, 1), (50, 0.05, 2), (200, 0.05, 10), (99, 0.29, 29),
     (0, 0.5, 0), (1, 0.5, 1), (999, 0.001, 1), (2, 1 / 3, 1), (5, 1 / 3, 2)],
)  # fmt: skip
def test_rank(n: int, alpha: float, k: int) -> None:
    assert rank(n, alpha) == k


def test_what_a_number_of_images_buys() -> None:
    assert [needed(alpha) for alpha in (0.05, 0.1, 0.01, 0.3, 0.5)] == [19, 9, 99, 3, 1]
    assert expected_rate(20, 0.05) == 1 / 21
    assert rate_95(20, 0.05) == pytest.approx(0.139, abs=5e-4)
    assert rate_95(58, 0.05) > 0.05 > rate_95(59, 0.017)
    assert rate_95(59, 1 / 60 + 1e-9) == pytest.approx(0.0495, abs=5e-4)
    assert (expected_rate(18, 0.05), rate_95(18, 0.05)) == (None, None)


@given(st.integers(1, 400), rates)
def test_rates_are_those_of_the_beta_distribution(n: int, alpha: float) -> None:
    k = rank(n, alpha)
    assert (n >= needed(alpha)) == (k >= 1)
    if k:
        assert expected_rate(n, alpha) == pytest.approx(beta(k, n + 1 - k).mean())
        assert rate_95(n, alpha) == pytest.approx(beta(k, n + 1 - k).ppf(0.95))
        assert expected_rate(n, alpha) <= alpha


@given(st.lists(figures, max_size=60), figures, rates)
def test_above_the_threshold_is_a_p_value_of_at_most_alpha(
    scores: list[float], score: float, alpha: float
) -> None:
    found = calibrated(scores, alpha)
    p = (1 + sum(s >= score for s in scores)) / (len(scores) + 1)
    assert found.p_value(score) == p
    decision = found.decide(score)
    if found.k == 0:
        assert (decision, found.threshold, found.map_threshold) == (None, None, None)
        return
    assert decision is not None
    assert found.threshold == sorted(scores, reverse=True)[found.k - 1]
    assert decision.is_anomalous == (score > found.threshold) == (p <= alpha)
    assert decision.p_value == p


@given(st.lists(figures, min_size=1, max_size=60), st.integers(1, 30).map(lambda i: i / 100))
def test_no_more_than_k_of_the_calibration_s_own_images_would_be_rejected(
    scores: list[float], alpha: float
) -> None:
    found = calibrated(scores, alpha)
    rejected = [s for s in scores if (d := found.decide(s)) is not None and d.is_anomalous]
    assert len(rejected) < max(1, found.k)


def test_maps_have_a_threshold_and_a_lower_end_of_their_own() -> None:
    found = Calibration([3.0, 1, 2], [0.1, 0.4, 0.2], [0.0, 0.1, 0.3], alpha=0.5)
    assert (found.k, found.threshold, found.map_threshold, found.map_low) == (2, 2.0, 0.2, 0.1)
    assert found.median == 2.0


def test_nothing_follows_from_nothing() -> None:
    found = calibrated([])
    assert (found.decides, found.map_low, found.median, found.decide(1.0)) == (
        False, None, None, None)  # fmt: skip


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 scores, 1 maxima and 1 medians"):
        Calibration([1, 2], [1], [1])
    for alpha in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="expected a rate between 0 and 1"):
            calibrated([1.0], alpha)


@pytest.mark.parametrize(("n", "rate"), [(20, 0.0476), (50, 0.0392), (200, 0.0498)])
def test_rates_hold_for_fresh_calibrations_of_exchangeable_scores(n: int, rate: float) -> None:
    """Against a distribution known exactly: the rate of a threshold is its upper tail."""
    random = np.random.default_rng(7)
    exceeded, rates = 0, []
    for _ in range(2000):
        found = calibrated(list(random.uniform(size=n)))
        assert found.threshold is not None
        rates.append(1 - found.threshold)
        exceeded += rates[-1] > (rate_95(n, 0.05) or 0)
    error = np.std(rates) / np.sqrt(len(rates))
    assert abs(np.mean(rates) - rate) < 3 * error + 5e-5
    assert 0.035 < exceeded / len(rates) < 0.065


@given(st.integers(1, 401), st.data())
def test_a_quotient_is_taken_as_the_quotient_it_is(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    assert rank(n, k / (n + 1)) == k
