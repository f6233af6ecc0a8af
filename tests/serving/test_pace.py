"""The pace: nothing before a measurement, large batches count for more, the past fades."""

import pytest

from app.serving.pace import Pace


def test_nothing_measured_takes_no_time() -> None:
    assert Pace().seconds_for(1000) == 0


def test_a_large_batch_counts_for_more_than_a_small_one() -> None:
    pace = Pace()
    for _ in range(100):
        pace.record(1, 3.0)
        pace.record(7, 7.0)
    assert pace.seconds_for(8) == pytest.approx(10, rel=0.05)


def test_a_slow_start_is_soon_forgotten() -> None:
    pace = Pace()
    pace.record(1, 60.0)
    for _ in range(40):
        pace.record(8, 0.8)
    assert pace.seconds_for(10) == pytest.approx(1, rel=0.02)
