"""What all soaks share: the server that is tried out, the picture, how counts are told, the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from app.settings import DEMO_WEIGHTS, Settings

if TYPE_CHECKING:
    from app.offline.bench.process import ServerProcess

SAMPLES = DEMO_WEIGHTS.parent / "samples"
GOOD = SAMPLES / "wood-scratch.png"
SERVICE = [sys.executable, "-m", "app"]
DEADLINE_S: float = Settings.model_fields["request_timeout_s"].default
console = Console(width=110)
_SHOWN = 20


def settings(place: Path | str) -> dict[str, str]:
    """Of a server that keeps all it writes in a folder."""
    return {"CLIPAD_MODEL_DIR": str(place), "CLIPAD_DATA_DIR": str(place)}


def shown(counts: Counter[int]) -> str:
    """Statuses in words; 0 is no answer."""
    return ", ".join(f"{count} x {status or 'none'}" for status, count in sorted(counts.items()))


def memory_mib(server: ServerProcess) -> float:
    """Its resident memory; nan once it has ended."""
    return float("nan") if server.exit_code is not None else server.memory_mib()


def health(server: ServerProcess, log: Path) -> list[str]:
    """What a server that is to live on must not have done, in words."""
    said = []
    if server.exit_code is not None:
        said.append(f"the server has ended with {server.exit_code}")
    if tracebacks := log.read_text().count("Traceback"):
        said.append(f"{tracebacks} tracebacks in its log")
    return said


def verdict(wrong: Sequence[str]) -> None:
    """Tell what went wrong, the first lines of it; ends with 1 if anything did."""
    for line in wrong[:_SHOWN]:
        console.print(f"WRONG: {line}", markup=False)
    if len(wrong) > _SHOWN:
        console.print(f"... and {len(wrong) - _SHOWN} more")
    if wrong:
        raise typer.Exit(1)
    console.print("nothing went wrong")
