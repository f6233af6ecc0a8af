import pytest

from app.offline.bench.pairs import PairedTimes, time_pairs


def test_turns_alternate_which_goes_first_and_warm_up_is_not_timed() -> None:
    calls: list[str] = []
    times = time_pairs(lambda: calls.append("w"), lambda: calls.append("b"), turns=4, warm_up=2)
    assert len(times.work) == len(times.baseline) == 4
    pairs = ["".join(calls[i : i + 2]) for i in range(0, len(calls), 2)]
    assert pairs == ["bw", "wb", "bw", "wb", "bw", "wb"]


def test_the_ratio_is_taken_within_each_turn() -> None:
    # The machine slows down tenfold half way: turn by turn the work still costs twice as much.
    times = PairedTimes(work=(2.0, 2.0, 20.0), baseline=(1.0, 1.0, 10.0))
    assert times.ratio == 2
    assert (times.work_s, times.baseline_s) == (2, 1)


def test_the_device_is_waited_for_around_every_reading() -> None:
    events: list[str] = []
    time_pairs(
        lambda: events.append("w"),
        lambda: events.append("b"),
        turns=1,
        warm_up=0,
        synchronize=lambda: events.append("s"),
    )
    assert events == ["s", "b", "s", "s", "w", "s"]


def test_no_turns_give_no_ratio() -> None:
    with pytest.raises(ValueError, match="median"):
        _ = PairedTimes((), ()).ratio
