"""Mixed clients for minutes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soaks.common import GOOD, SERVICE, console, health, memory_mib, settings, shown, verdict

if TYPE_CHECKING:
    from app.offline.bench.process import ServerProcess
    from app.offline.reliability.mixed import Stretch


def mixed(
    minutes: Annotated[int, typer.Option(help="stretches", min=2)] = 10,
    minute_s: Annotated[float, typer.Option(help="seconds of one", min=1)] = 60,
    load: Annotated[float, typer.Option(help="good requests, in capacities", min=0.1)] = 1.5,
) -> None:
    """Good, hostile, slow and vanishing clients; good ones at a multiple of the capacity."""
    from app.offline.bench.process import ServerProcess
    from app.offline.reliability.mixed import soak
    from app.offline.reliability.verdicts import of_crowd, worst_goodput

    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        with ServerProcess(SERVICE, settings(place), log) as server:
            rate = load * _capacity(server)
            found, late = soak(
                server.url, GOOD.read_bytes(), rate=rate, stretches=minutes, stretch_s=minute_s,
                memory_mib=lambda: memory_mib(server), told=_tell,
            )  # fmt: skip
            ill = health(server, log)
    growth = found[-1].memory_mib / found[1].memory_mib - 1
    console.print(
        f"goodput at its worst {worst_goodput(found):.2f} of the first; memory {growth:+.1%} since "
        f"the second; answered after the last: good {shown(late.good) or 'none'}, hostile "
        f"{shown(late.hostile) or 'none'}, slow {shown(late.slow) or 'none'}"
    )
    verdict([*ill, *of_crowd(found, late)])


def _capacity(server: ServerProcess) -> float:
    """Pictures per second."""
    from app.offline.bench.load import closed_loop

    where, picture = f"{server.url}/predict?category=wood&heatmap=none", GOOD.read_bytes()
    closed_loop(where, picture, 8, seconds=5)
    capacity = closed_loop(where, picture, 8, seconds=15).rate
    console.print(f"capacity {capacity:.1f} pictures/s")
    return capacity


def _tell(stretch: Stretch) -> None:
    console.print(
        f"{stretch.goodput:5.1f} pictures/s | good {shown(stretch.good)} | hostile "
        f"{shown(stretch.hostile)} | slow {shown(stretch.slow)} | {stretch.vanished} vanished | "
        f"{stretch.probes_missed} probes missed | {stretch.memory_mib:.0f} MiB"
    )
