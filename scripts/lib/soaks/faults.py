"""Faults in a running server, while 8 clients post."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.offline.reliability.faults import Client, Trial
from app.offline.reliability.injections import Injection, injections
from app.offline.reliability.site import open_site
from soaks.common import console, shown

SERVER = [sys.executable, str(Path(__file__).parent.parent / "faulty_server.py")]


def faults(
    times: Annotated[int, typer.Option(help="how often each", min=1)] = 3,
    clients: Annotated[int, typer.Option(help="at once", min=2)] = 8,
) -> None:
    """Each fault, while clients post pictures whose score and decision are known."""
    wrong: list[str] = []
    each = Table("fault", "client", "saw", title=f"what each client saw, {times} times together")
    together = Table("fault", "all clients saw", "nobody there", "lost", "wrong", "red", "green")
    with tempfile.TemporaryDirectory() as place, open_site(SERVER, {}, Path(place)) as site:
        for injection in injections():
            found = [injection.inject(site, clients) for _ in range(times)]
            wrong += [f"{injection.name}: {o}" for t in found for o in injection.objections(t)]
            _tell(each, together, injection, found)
    console.print(each)
    console.print(together)
    for line in wrong:
        console.print(f"WRONG: {line}")
    if wrong:
        raise typer.Exit(1)


def _tell(each: Table, together: Table, injection: Injection, found: list[Trial]) -> None:
    """A row for each client, and one for the fault."""
    by_client = [Trial([trial.clients[k] for trial in found]) for k in range(len(found[0].clients))]
    for number, trial in enumerate(by_client):
        each.add_row("" if number else injection.name, str(number + 1), _saw(trial.total))
    total = Trial([trial.total for trial in found]).total
    red = [trial.red_s for trial in found if trial.red_s is not None]
    together.add_row(
        injection.name,
        shown(total.statuses),
        str(total.unheard or ""),
        str(total.lost),
        str(total.wrong),
        f"{max(red):.1f} s" if red else "",
        f"{max(trial.green_s for trial in found):.1f} s" if red else "",
    )


def _saw(client: Client) -> str:
    return shown(client.statuses) + (f", {client.unheard} x nobody" if client.unheard else "")
