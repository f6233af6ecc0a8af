"""Faults in a running server, while 8 clients post."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from soaks.common import console, shown, verdict

if TYPE_CHECKING:
    from app.offline.reliability.injections import Injection
    from app.offline.reliability.sightings import Client, Trial
    from app.offline.reliability.site import Site

SERVER = [sys.executable, str(Path(__file__).parent.parent / "faulty_server.py")]


def faults(
    times: Annotated[int, typer.Option(help="how often each", min=1)] = 3,
    clients: Annotated[int, typer.Option(help="at once", min=2)] = 8,
) -> None:
    """Each fault, while clients post pictures whose score and decision are known."""
    from app.offline.reliability.injections import injections
    from app.offline.reliability.site import open_site

    wrong: list[str] = []
    each = Table("fault", "client", "saw", title=f"what each client saw, {times} times together")
    total = Table("fault", "all clients saw", "nobody there", "lost", "wrong", "red", "green")
    with tempfile.TemporaryDirectory() as place, open_site(SERVER, {}, Path(place)) as site:
        for injection in injections():
            found, failure = _tried(site, injection, times, clients)
            wrong += [f"{injection.name}: {o}" for t in found for o in injection.objections(t)]
            if found:
                _tell(each, total, injection, found)
            if failure:
                wrong.append(f"{injection.name}: {failure}; nothing more was tried")
                break  # what is left of the server says nothing of the next fault
    console.print(each)
    console.print(total)
    verdict(wrong)


def _tried(
    site: Site, injection: Injection, times: int, clients: int
) -> tuple[list[Trial], str | None]:
    """The trials that came to an end, and why the next one did not."""
    import httpx

    found: list[Trial] = []
    try:
        for _ in range(times):
            found.append(injection.inject(site, clients))  # noqa: PERF401 (kept if one fails)
    except (RuntimeError, TimeoutError, httpx.HTTPError) as error:
        return found, f"{type(error).__name__}: {error}"
    return found, None


def _tell(each: Table, total: Table, injection: Injection, found: list[Trial]) -> None:
    """A row for each client, and one for the fault."""
    from app.offline.reliability.sightings import together

    for number in range(len(found[0].clients)):
        client = together(trial.clients[number] for trial in found)
        each.add_row("" if number else injection.name, str(number + 1), _saw(client))
    everybody = together(trial.total for trial in found)
    red = [trial.red_s for trial in found if trial.red_s is not None]
    total.add_row(
        injection.name,
        shown(everybody.statuses),
        str(everybody.unheard or ""),
        str(everybody.lost),
        str(everybody.wrong),
        f"{max(red):.1f} s" if red else "",
        f"{max(trial.green_s for trial in found):.1f} s" if red else "",
    )


def _saw(client: Client) -> str:
    return shown(client.statuses) + (f", {client.unheard} x nobody" if client.unheard else "")
