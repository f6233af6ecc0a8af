"""Interleaved pairs: two ways to do the same work, timed turn by turn in one run.

Turns alternate which goes first, so a machine that slows down or is shared slows both alike.
Knows nothing of what is timed.
"""

import statistics
import time
from collections.abc import Callable
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
    """Run both `turns` times, after `warm_up` untimed turns.

    synchronize: waits for a device to finish; called before every reading of the clock.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(-warm_up, turns):
        for which in (0, 1) if turn % 2 else (1, 0):
            synchronize()
            start = time.perf_counter()
            (work, baseline)[which]()
            synchronize()
            if turn >= 0:
                times[which].append(time.perf_counter() - start)
    return PairedTimes(tuple(times[0]), tuple(times[1]))
