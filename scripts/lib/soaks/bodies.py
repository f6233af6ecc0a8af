"""Hostile bodies against a server."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.offline.bench.process import ServerProcess
from app.offline.reliability.attack import attack
from app.offline.reliability.hostile import hostiles
from soaks.common import GOOD, SERVICE, console, settings


def hostile(
    bodies: Annotated[int, typer.Option(help="hostile bodies", min=1)] = 5_000,
    first: Annotated[int, typer.Option(help="seed of the first", min=0)] = 0,
    clients: Annotated[int, typer.Option(help="at once", min=1)] = 8,
    warm_up: Annotated[int, typer.Option(help="bodies before memory counts", min=0)] = 500,
) -> None:
    """Damaged, lying and enormous pictures against the demo, good ones in between."""
    good = GOOD.read_bytes()
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        with ServerProcess(SERVICE, settings(place), log) as server:
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
