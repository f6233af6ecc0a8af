"""Interleaved pairs: several ways to do the same work, timed turn by turn in one run.

Turns alternate which goes first, so a machine that slows down or is shared slows both alike.
Knows nothing of what is timed.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PairedTimes:
    """Seconds of each turn, of the work and of what it is compared with."""

    work: tuple[float, ...]
    baseline: tuple[float, ...]

    @property
    def work_s(self) -> float:
        """Median seconds of the work."""
        return statistics.median(self.work)

    @property
    def baseline_s(self) -> float:
        """Median seconds of what it is compared with."""
        return statistics.median(self.baseline)

    @property
    def ratio(self) -> float:
        """Median over the turns of work / baseline, each ratio taken within its turn."""
        return statistics.median(w / b for w, b in zip(self.work, self.baseline, strict=True))


def time_pairs(
    work: Callable[[], object],
    baseline: Callable[[], object],
    *,
    turns: int,
    warm_up: int = 2,
    synchronize: Callable[[], object] = lambda: None,
) -> PairedTimes:
    """Run both `turns` times, after `warm_up` untimed turns; see `time_against`."""
    timed = time_against(
        baseline, {"": work}, turns=turns, warm_up=warm_up, synchronize=synchronize
    )
    return timed[""]


def time_against(
    baseline: Callable[[], object],
    works: Mapping[str, Callable[[], object]],
    *,
    turns: int,
    warm_up: int = 2,
    synchronize: Callable[[], object] = lambda: None,
) -> dict[str, PairedTimes]:
    """Run several works and one baseline `turns` times each, every turn beginning with another.

    synchronize: waits for a device to finish; called before every reading of the clock.
    """
    contenders = [baseline, *works.values()]
    times: list[list[float]] = [[] for _ in contenders]
    for turn in range(-warm_up, turns):
        for offset in range(len(contenders)):
            which = (turn + offset) % len(contenders)
            synchronize()
            start = time.perf_counter()
            contenders[which]()
            synchronize()
            if turn >= 0:
                times[which].append(time.perf_counter() - start)
    return {
        name: PairedTimes(tuple(own), tuple(times[0]))
        for name, own in zip(works, times[1:], strict=True)
    }
