"""What all soaks share: the server that is tried out, the picture, how counts are told."""

import sys
from collections import Counter
from pathlib import Path

from rich.console import Console

from app.settings import DEMO_WEIGHTS

SAMPLES = DEMO_WEIGHTS.parent / "samples"
GOOD = SAMPLES / "wood-scratch.png"
SERVICE = [sys.executable, "-m", "app"]
console = Console(width=110)


def settings(place: Path | str) -> dict[str, str]:
    """Of a server that keeps all it writes in a folder."""
    return {"CLIPAD_MODEL_DIR": str(place), "CLIPAD_DATA_DIR": str(place)}


def shown(counts: Counter[int]) -> str:
    """Statuses in words; 0 is no answer."""
    return ", ".join(f"{count} x {status or 'none'}" for status, count in sorted(counts.items()))
