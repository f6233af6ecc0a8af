"""How many CPUs this process may use, and how they are shared between model and images."""

import os
from pathlib import Path

_CONTROL_GROUPS = Path("/sys/fs/cgroup")
_ALL_FOR_THE_MODEL = 8
_MOST_SPARED = 4
_IMAGE_THREADS = (4, 16)


def usable_cpus(control_groups: Path = _CONTROL_GROUPS) -> int:
    """CPUs this process may use: its affinity, and its container's quota where there is one."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _quota(control_groups)
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def model_threads(cpus: int) -> int:
    """Threads of one computation.

    Its threads wait for each other many times per image, so that one that has to share its CPU
    delays all: where there are many CPUs some are left to those who decode and answer.
    """
    if cpus <= _ALL_FOR_THE_MODEL:
        return cpus
    return cpus - min(_MOST_SPARED, cpus // _ALL_FOR_THE_MODEL)


def image_threads(cpus: int) -> int:
    """Threads that decode and render; more than CPUs on small machines, as files differ in size."""
    fewest, most = _IMAGE_THREADS
    return max(fewest, min(most, cpus // 2))


def _quota(control_groups: Path) -> float | None:
    """CPUs granted by version 2 or 1 of Linux' control groups; None without a limit."""
    try:
        granted, period = (control_groups / "cpu.max").read_text().split()
        return int(granted) / int(period)
    except (OSError, ValueError):  # no version 2, or `max`
        pass
    try:
        granted, period = (
            (control_groups / "cpu" / f"cpu.cfs_{name}_us").read_text()
            for name in ("quota", "period")
        )
        return int(granted) / int(period) if int(granted) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
