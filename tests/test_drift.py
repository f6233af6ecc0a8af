"""Drift: shares and medians over the latest inspections, one window per basis of decisions."""

import random
import statistics
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from app.drift import Basis, Drift

NAMES = (
    "clipad_alarm_share",
    "clipad_expected_alarm_share",
    "clipad_score_median",
    "clipad_calibration_score_median",
    "clipad_drift_inspections",
)
BASIS = Basis(n=30, alpha=0.1, threshold=0.7, median=0.3, fingerprint="f", expected_share=3 / 31)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def figures(
    registry: CollectorRegistry, category: str = "nut", method: str = "sdp"
) -> tuple[float | None, ...]:
    labels = {"category": category, "method": method}
    return tuple(registry.get_sample_value(name, labels) for name in NAMES)


def test_before_anything_is_observed_there_are_no_series(registry: CollectorRegistry) -> None:
    Drift(registry)
    assert figures(registry) == (None,) * 5
    assert b"# TYPE clipad_alarm_share gauge" in generate_latest(registry)


def test_share_and_median(registry: CollectorRegistry) -> None:
    drift = Drift(registry)
    for score, is_anomalous in ((0.4, False), (0.9, True), (0.2, False), (0.6, False)):
        drift.observe("nut", "sdp", score, is_anomalous, BASIS)
    assert figures(registry) == (0.25, 3 / 31, 0.5, 0.3, 4)


def test_only_the_latest_count(registry: CollectorRegistry) -> None:
    drift = Drift(registry, window=3)
    for score in (9.0, 8.0, 1.0, 3.0, 2.0):
        drift.observe("nut", "sdp", score, score > 5, BASIS)
    assert figures(registry) == (0, 3 / 31, 2.0, 0.3, 3)


def test_the_running_median_is_the_median(registry: CollectorRegistry) -> None:
    drift = Drift(registry, window=20)
    draw = random.Random(0)
    scores = [round(draw.random(), 1) for _ in range(300)]  # many of them equal
    for count, score in enumerate(scores, 1):
        drift.observe("nut", "sdp", score, score > 0.7, BASIS)
        latest = scores[max(0, count - 20) : count]
        share = sum(score > 0.7 for score in latest) / len(latest)
        assert figures(registry) == (
            pytest.approx(share),
            3 / 31,
            pytest.approx(statistics.median(latest)),
            0.3,
            len(latest),
        )


@pytest.mark.parametrize(
    "change",
    [
        {"n": 31},
        {"alpha": 0.2},
        {"threshold": 0.8},
        {"median": 0.4},
        {"fingerprint": "e"},
    ],
)
def test_another_basis_begins_anew(registry: CollectorRegistry, change: dict[str, Any]) -> None:
    drift = Drift(registry)
    for _ in range(5):
        drift.observe("nut", "sdp", 0.9, True, BASIS)
    other = replace(BASIS, **change)
    drift.observe("nut", "sdp", 0.5, False, other)
    assert figures(registry) == (0, 3 / 31, 0.5, other.median, 1)


def test_the_same_basis_made_anew_goes_on(registry: CollectorRegistry) -> None:
    drift = Drift(registry)
    for _ in range(5):
        drift.observe("nut", "sdp", 0.9, True, replace(BASIS))
    assert figures(registry)[4] == 5


def test_where_nothing_is_decided_any_more_there_is_no_series(registry: CollectorRegistry) -> None:
    drift = Drift(registry)
    for method in ("sdp", "sdp_plus"):
        drift.observe("nut", method, 0.9, True, BASIS)
    drift.undecided("nut", "sdp")
    drift.undecided("never seen", "sdp")
    assert figures(registry) == (None,) * 5
    assert figures(registry, "nut", "sdp_plus")[4] == 1


def test_categories_and_methods_stand_apart(registry: CollectorRegistry) -> None:
    drift = Drift(registry)
    drift.observe("nut", "sdp", 0.1, False, BASIS)
    drift.observe("nut", "sdp_plus", 0.2, True, BASIS)
    drift.observe("bolt", "sdp", 0.3, False, BASIS)
    assert figures(registry, "nut", "sdp_plus")[::2] == (1, 0.2, 1)
    assert figures(registry, "bolt")[::2] == (0, 0.3, 1)


def test_a_forgotten_category_has_no_series(registry: CollectorRegistry) -> None:
    drift = Drift(registry)
    for category, method in (("nut", "sdp"), ("nut", "sdp_plus"), ("bolt", "sdp")):
        drift.observe(category, method, 0.1, False, BASIS)
    drift.forget("nut")
    drift.forget("never seen")
    assert figures(registry) == figures(registry, "nut", "sdp_plus") == (None,) * 5
    assert figures(registry, "bolt")[4] == 1


def test_the_least_recently_observed_leave(registry: CollectorRegistry) -> None:
    drift = Drift(registry, most=2)
    for category in ("a", "b", "a", "c"):
        drift.observe(category, "sdp", 0.1, False, BASIS)
    assert [figures(registry, name)[4] for name in "abc"] == [2, None, 1]


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_is_passed_over(
    registry: CollectorRegistry, score: float
) -> None:
    drift = Drift(registry)
    drift.observe("nut", "sdp", score, True, BASIS)
    drift.observe("nut", "sdp", 0.2, False, BASIS)
    assert figures(registry) == (0, 3 / 31, 0.2, 0.3, 1)


def test_labels_are_escaped(registry: CollectorRegistry) -> None:
    Drift(registry).observe('a "b"', "sdp", 0.1, False, BASIS)
    assert rb'clipad_alarm_share{category="a \"b\"",method="sdp"} 0.0' in generate_latest(registry)
