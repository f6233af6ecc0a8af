"""Command line of `scripts/soak`."""

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.offline.bench.load import closed_loop
from app.offline.bench.process import ServerProcess
from app.offline.reliability.attack import attack
from app.offline.reliability.hostile import hostiles
from app.offline.reliability.mixed import Stretch, soak
from app.offline.reliability.stops import stop_under_load
from app.settings import DEMO_WEIGHTS

GOOD = DEMO_WEIGHTS.parent / "samples" / "wood-scratch.png"
app = typer.Typer(help="What a running server bears. Ends with 1 when something went wrong.")
console = Console(width=110)


@app.command()
def hostile(
    bodies: Annotated[int, typer.Option(help="hostile bodies", min=1)] = 5_000,
    first: Annotated[int, typer.Option(help="seed of the first", min=0)] = 0,
    clients: Annotated[int, typer.Option(help="at once", min=1)] = 8,
    warm_up: Annotated[int, typer.Option(help="bodies before memory counts", min=0)] = 500,
) -> None:
    """Damaged, lying and enormous pictures against the demo, good ones in between."""
    good = GOOD.read_bytes()
    with tempfile.TemporaryDirectory() as place:
        settings = {"CLIPAD_MODEL_DIR": place, "CLIPAD_DATA_DIR": place}
        log = Path(place) / "log"
        with ServerProcess([sys.executable, "-m", "app"], settings, log) as server:
            attack(server.url, hostiles(warm_up, first + bodies), good, clients)
            before = server.memory_mib()
            outcome = attack(server.url, hostiles(bodies, first), good, clients)
            after = server.memory_mib()
        tracebacks = log.read_text().count("Traceback")
    statuses = sorted({status for counts in outcome.statuses.values() for status in counts})
    table = Table("trick", *map(str, statuses), title=f"{outcome.sent} hostile bodies")
    for trick, counts in sorted(outcome.statuses.items()):
        table.add_row(trick, *(str(counts[status] or "") for status in statuses))
    console.print(table)
    console.print(
        f"slowest answer {outcome.slowest_s:.2f} s; {outcome.goods} good pictures in between, all "
        f"answered as before; memory {before:.0f} MiB before, {after:.0f} MiB after "
        f"({after / before - 1:+.1%}); {tracebacks} tracebacks in the log"
    )
    for line in outcome.wrong[:20]:
        console.print(f"WRONG: {line}")
    if outcome.wrong or tracebacks:
        raise typer.Exit(1)


@app.command()
def stops(
    times: Annotated[int, typer.Option(help="servers stopped", min=1)] = 100,
    after_s: Annotated[float, typer.Option(help="of load before the signal", min=0.2)] = 1.0,
) -> None:
    """SIGTERM under the load of 8 clients: who was accepted before gets an answer."""
    before, after, lost, codes = Counter[int](), Counter[int](), 0, Counter[int | None]()
    with tempfile.TemporaryDirectory() as place:
        settings = {"CLIPAD_MODEL_DIR": place, "CLIPAD_DATA_DIR": place}
        for _ in range(times):
            command = [sys.executable, "-m", "app"]
            with ServerProcess(command, settings, Path(place) / "log") as server:
                found = stop_under_load(server.url, GOOD.read_bytes(), server.terminate, after_s)
            before, after, lost = before + found.before, after + found.after, lost + found.lost
            codes[server.exit_code] += 1
    console.print(f"{times} stops; sent before the signal: {_shown(before)}; {lost} lost")
    console.print(f"sent after it: {_shown(after)}; exit codes {dict(codes)}")
    if lost or set(codes) != {0}:
        raise typer.Exit(1)


@app.command()
def mixed(
    minutes: Annotated[int, typer.Option(help="stretches", min=2)] = 10,
    minute_s: Annotated[float, typer.Option(help="seconds of one", min=1)] = 60,
    load: Annotated[float, typer.Option(help="good requests, in capacities", min=0.1)] = 1.5,
) -> None:
    """Good, hostile, slow and vanishing clients; good ones at a multiple of the capacity."""
    picture = GOOD.read_bytes()
    with tempfile.TemporaryDirectory() as place:
        settings = {"CLIPAD_MODEL_DIR": place, "CLIPAD_DATA_DIR": place}
        log = Path(place) / "log"
        with ServerProcess([sys.executable, "-m", "app"], settings, log) as server:
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
        f"{stretch.goodput:5.1f} pictures/s | good {_shown(stretch.good)} | hostile "
        f"{_shown(stretch.hostile)} | slow {_shown(stretch.slow)} | {stretch.vanished} vanished | "
        f"{stretch.probes_missed} probes missed | {stretch.memory_mib:.0f} MiB"
    )


def _shown(counts: Counter[int]) -> str:
    return ", ".join(f"{count} x {status or 'none'}" for status, count in sorted(counts.items()))


app()
