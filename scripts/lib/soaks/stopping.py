"""Signals to a server under load."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soaks.common import GOOD, SERVICE, console, settings, shown, verdict

if TYPE_CHECKING:
    from app.offline.reliability.stops import Stop

_END_S = 60.0  # beyond any request's time limit: one that lives yet does not end by itself


def stops(
    times: Annotated[int, typer.Option(help="servers stopped", min=1)] = 100,
    after_s: Annotated[float, typer.Option(help="of load before the signal", min=0.2)] = 1.0,
) -> None:
    """SIGTERM under the load of 12 clients: who was accepted before gets an answer."""
    before, slow, after = Counter[int](), Counter[int](), Counter[int]()
    under_way, wrong = 0, list[str]()
    with tempfile.TemporaryDirectory() as place:
        for number in range(1, times + 1):
            found, code = _stop(Path(place), after_s)
            before, slow, after = before + found.before, slow + found.slow, after + found.after
            under_way += found.under_way
            wrong += [f"stop {number}: {objection}" for objection in found.objections()]
            if code != 0:
                wrong.append(f"stop {number}: exit code {code} after {_END_S:.0f} s, expected 0")
    if not under_way:
        wrong.append("nobody waited for an answer at any signal: nothing could be lost")
    console.print(
        f"{times} stops; sent before the signal: {shown(before)}, {under_way} of them under way "
        f"when it came; half sent by then: {shown(slow)}; sent after it: {shown(after)}"
    )
    verdict(wrong)


def _stop(place: Path, after_s: float) -> tuple[Stop, int | None]:
    """What clients saw, and the exit code; None for one that lives."""
    from app.offline.bench.process import ServerProcess
    from app.offline.reliability.stops import stop_under_load

    with ServerProcess(SERVICE, settings(place), place / "log") as server:
        found = stop_under_load(server.url, GOOD.read_bytes(), server.terminate, after_s)
        end = time.monotonic() + _END_S
        while server.exit_code is None and time.monotonic() < end:
            time.sleep(0.02)
        return found, server.exit_code
