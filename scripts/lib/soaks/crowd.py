"""Mixed clients for minutes."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app.offline.bench.load import closed_loop
from app.offline.bench.process import ServerProcess
from app.offline.reliability.mixed import Stretch, soak
from soaks.common import GOOD, SERVICE, console, settings, shown


def mixed(
    minutes: Annotated[int, typer.Option(help="stretches", min=2)] = 10,
    minute_s: Annotated[float, typer.Option(help="seconds of one", min=1)] = 60,
    load: Annotated[float, typer.Option(help="good requests, in capacities", min=0.1)] = 1.5,
) -> None:
    """Good, hostile, slow and vanishing clients; good ones at a multiple of the capacity."""
    picture = GOOD.read_bytes()
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        with ServerProcess(SERVICE, settings(place), log) as server:
            where = f"{server.url}/predict?category=wood&heatmap=none"
            closed_loop(where, picture, 8, seconds=5)
            capacity = closed_loop(where, picture, 8, seconds=15).rate
            console.print(f"capacity {capacity:.1f} pictures/s; {load:g} times that are sent")
            found = soak(
                server.url, picture, rate=load * capacity, stretches=minutes, stretch_s=minute_s,
                memory_mib=server.memory_mib, told=_tell,
            )  # fmt: skip
        tracebacks = log.read_text().count("Traceback")
    worst = min(stretch.goodput for stretch in found[1:]) / found[0].goodput
    strange = {s for stretch in found for s in (*stretch.good, *stretch.hostile)} - {
        200, 400, 413, 415, 422, 429,
    }  # fmt: skip
    growth = found[-1].memory_mib / found[0].memory_mib - 1
    console.print(
        f"goodput at its worst {worst:.2f} of the first; memory {growth:+.1%} since the first; "
        f"{tracebacks} tracebacks; other statuses: {sorted(strange) or 'none'}"
    )
    if worst < 0.9 or strange or tracebacks:
        raise typer.Exit(1)


def _tell(stretch: Stretch) -> None:
    console.print(
        f"{stretch.goodput:5.1f} pictures/s | good {shown(stretch.good)} | hostile "
        f"{shown(stretch.hostile)} | slow {shown(stretch.slow)} | {stretch.vanished} vanished | "
        f"{stretch.probes_missed} probes missed | {stretch.memory_mib:.0f} MiB"
    )
