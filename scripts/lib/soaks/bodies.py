"""Hostile bodies against a server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from soaks.common import (
    DEADLINE_S,
    GOOD,
    SERVICE,
    console,
    health,
    memory_mib,
    settings,
    verdict,
)

if TYPE_CHECKING:
    from app.offline.reliability.attack import Outcome


def hostile(
    bodies: Annotated[int, typer.Option(help="hostile bodies", min=1)] = 5_000,
    first: Annotated[int, typer.Option(help="seed of the first", min=0)] = 0,
    clients: Annotated[int, typer.Option(help="at once", min=1)] = 8,
    warm_up: Annotated[int, typer.Option(help="bodies before memory counts", min=0)] = 500,
) -> None:
    """Damaged, lying and enormous pictures against the demo, good ones in between."""
    from app.offline.bench.process import ServerProcess
    from app.offline.reliability.attack import attack
    from app.offline.reliability.hostile import hostiles
    from app.offline.reliability.verdicts import of_attack

    good = GOOD.read_bytes()
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        with ServerProcess(SERVICE, settings(place), log) as server:
            warm = attack(server.url, hostiles(warm_up, first + bodies), good, clients)
            before = memory_mib(server)
            outcome = attack(server.url, hostiles(bodies, first), good, clients)
            after = memory_mib(server)
            ill = health(server, log)
    _tell(outcome)
    console.print(
        f"slowest answer {outcome.slowest_s:.2f} s; {outcome.goods} good pictures in between "
        f"answered as before; memory {before:.0f} MiB before, {after:.0f} MiB after "
        f"({after / before - 1:+.1%})"
    )
    warming = [f"while warming up: {said}" for said in of_attack(warm, DEADLINE_S)]
    verdict([*ill, *warming, *of_attack(outcome, DEADLINE_S, before, after)])


def _tell(outcome: Outcome) -> None:
    statuses = sorted({status for counts in outcome.statuses.values() for status in counts})
    table = Table("trick", *map(str, statuses), title=f"{outcome.sent} hostile bodies")
    for trick, counts in sorted(outcome.statuses.items()):
        table.add_row(trick, *(str(counts[status] or "") for status in statuses))
    console.print(table)
