"""What may come of an attack and of minutes of mixed clients, in figures; and what went beyond.

Figures that are not known (nan: memory, where the system hides it) are not judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import nan

from app.offline.reliability.attack import Outcome
from app.offline.reliability.mixed import Stretch

GROWTH = 0.05
"""Of resident memory, at most: an allocator's pools settle within that, a leak goes beyond."""

GOODPUT = 0.9
"""Of the first stretch's, at least, in every other one: a server that gets no slower with time."""

_GOOD = {200, 429}  # also of slow clients, who send the same picture
_HOSTILE = _GOOD | {400, 413, 415, 422}


def of_attack(
    outcome: Outcome, deadline_s: float, before_mib: float = nan, after_mib: float = nan
) -> list[str]:
    """What should not have been, in words. before_mib: memory, once the caches were full.

    deadline_s: a request's time limit, within which everybody has an answer.
    """
    said = list(outcome.wrong)
    if outcome.slowest_s > deadline_s:
        said.append(
            f"the slowest answer took {outcome.slowest_s:.1f} s, expected at most {deadline_s:g} s"
        )
    return [*said, *_of_memory(before_mib, after_mib)]


def of_crowd(stretches: Sequence[Stretch], late: Stretch) -> list[str]:
    """What should not have been, in words. late: of those who were answered after the last one.

    Memory is judged from the second stretch on: in the first, caches and pools are filled.
    """
    everybody = (*stretches, late)
    said = [
        *_of_statuses("good", {s for stretch in everybody for s in stretch.good}, _GOOD),
        *_of_statuses("slow", {s for stretch in everybody for s in stretch.slow}, _GOOD),
        *_of_statuses("hostile", {s for stretch in everybody for s in stretch.hostile}, _HOSTILE),
    ]
    for broken, count in sum((stretch.broken for stretch in everybody), Counter[str]()).items():
        said.append(f"no answer, {count} times: {broken}")
    if missed := sum(stretch.probes_missed for stretch in everybody):
        said.append(f"{missed} probes were not answered with 200 in time")
    if (worst := worst_goodput(stretches)) < GOODPUT:
        said.append(f"goodput fell to {worst:.2f} of the first, expected at least {GOODPUT:g}")
    return [*said, *_of_memory(stretches[1].memory_mib, stretches[-1].memory_mib)]


def worst_goodput(stretches: Sequence[Stretch]) -> float:
    """The worst as a share of the first one's; 0 where that had none."""
    first = stretches[0].goodput
    return min(stretch.goodput for stretch in stretches[1:]) / first if first else 0.0


def _of_statuses(who: str, seen: set[int], right: set[int]) -> Iterator[str]:
    if strange := seen - right:
        yield f"{who} clients saw {sorted(strange)}, expected {sorted(right)} (0: no answer)"


def _of_memory(before_mib: float, after_mib: float) -> Iterator[str]:
    growth = after_mib / before_mib - 1
    if growth > GROWTH:
        yield (
            f"memory grew by {growth:.1%} from {before_mib:.0f} MiB, expected at most {GROWTH:.0%}"
        )
