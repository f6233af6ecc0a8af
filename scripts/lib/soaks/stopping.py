"""Signals to a server under load."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from app.offline.bench.process import ServerProcess
from app.offline.reliability.stops import stop_under_load
from soaks.common import GOOD, SERVICE, console, settings, shown


def stops(
    times: Annotated[int, typer.Option(help="servers stopped", min=1)] = 100,
    after_s: Annotated[float, typer.Option(help="of load before the signal", min=0.2)] = 1.0,
) -> None:
    """SIGTERM under the load of 8 clients: who was accepted before gets an answer."""
    before, after, lost, codes = Counter[int](), Counter[int](), 0, Counter[int | None]()
    with tempfile.TemporaryDirectory() as place:
        for _ in range(times):
            with ServerProcess(SERVICE, settings(place), Path(place) / "log") as server:
                found = stop_under_load(server.url, GOOD.read_bytes(), server.terminate, after_s)
            before, after, lost = before + found.before, after + found.after, lost + found.lost
            codes[server.exit_code] += 1
    console.print(f"{times} stops; sent before the signal: {shown(before)}; {lost} lost")
    console.print(f"sent after it: {shown(after)}; exit codes {dict(codes)}")
    if lost or set(codes) != {0}:
        raise typer.Exit(1)
