"""The benchmark of decisions: its arithmetic on numbers, and one small run on pictures."""

import numpy as np
import pytest
from scipy.special import betainc

from app.calibration import rate_95
from app.clipad.detector import AnomalyDetector
from app.clipad.rvs import Rvs, RvsMethod
from app.offline.bench.calibration import Coverage, Subject, coverage, good_subjects, power, score
from app.offline.synthetic import DEFECTS
from tests import parity


def test_honest_scores_alarm_as_often_as_promised() -> None:
    rng = np.random.default_rng(3)
    found = coverage(rng.normal(size=(400, 200)), rng.normal(size=40_000), (20, 50, 200), 0.05)
    for one, expected in zip(found, (1 / 21, 2 / 51, 10 / 201), strict=True):
        assert one.expected == pytest.approx(expected)
        assert abs(one.deviation) < 3
        assert abs(one.past_bound - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(("shift", "sign"), [(1.0, 1), (-1.0, -1)])
def test_other_test_pictures_than_calibrated_are_found_out(shift: float, sign: int) -> None:
    rng = np.random.default_rng(4)
    tests = rng.normal(shift, size=10_000)
    for one in coverage(rng.normal(size=(200, 200)), tests, (20, 50, 200), 0.05):
        assert sign * one.deviation > 3


def test_the_standard_error_holds_both_sources() -> None:
    rates = np.array([0.02, 0.06])
    one = Coverage(20, 0.05, rates, tests=100)
    wanted = rates.var(ddof=1) / 2 + (1 / 21) * (20 / 21) / 100
    assert one.standard_error == pytest.approx(np.sqrt(wanted))
    bound = rate_95(20, 0.05)
    assert bound is not None
    assert betainc(1, 20, bound) == pytest.approx(0.95)
    assert Coverage(20, 0.05, np.array([0.9 * bound, 1.1 * bound]), 100).past_bound == 0.5


def test_pictures_are_scored_one_for_one() -> None:
    detector = AnomalyDetector(parity.backbone("tiny-vit"), rvs=Rvs(RvsMethod.MEAN))
    subjects = [*good_subjects("felt", 2), Subject("felt", 5, "hole")]
    scores = score(detector, "felt", subjects, "sdp", workers=0)
    assert scores.shape == (3,)
    alone = score(detector, "felt", subjects[2:], "sdp", workers=0)
    np.testing.assert_allclose(alone, scores[2:], atol=1e-5)
    found = power(
        detector, "felt", n=19, goods=3, each=1, alpha=0.05, method="sdp", workers=0
    )  # fmt: skip
    assert list(found.rejected) == list(DEFECTS)
    assert all(share in (0.0, 1.0) for share in found.rejected.values())
    with pytest.raises(ValueError, match="too few"):
        power(detector, "felt", n=5, goods=1, each=1, alpha=0.05, method="sdp", workers=0)
