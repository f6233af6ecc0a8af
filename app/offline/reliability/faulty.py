"""A detector that fails on demand: what is ordered in a folder happens in the next computation.

    raise     an error, for so many seconds
    short     no memory for more than one image, for so many seconds
    starved   no memory for even one image, for so many seconds
    die       what ends a thread, and each new one for so many seconds
    hang      never comes back
    slow      a quarter of a second more for each batch, for so many seconds

A picture whose corner is pure red always breaks it. Whatever it raises says `WORD`, so that words
which are no client's business can be looked for. Knows nothing of HTTP; stands in for a real
detector, which computes everything else.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ORDERS = ("raise", "short", "starved", "die", "hang", "slow")
WORD = "ordered"
ENDLESS_S = 1e6
_SLOWNESS_S = 0.25


def order(folder: Path, fault: str, seconds: float) -> None:
    """Have the detector that reads this folder fail so."""
    unfinished = folder / ".order"
    unfinished.write_text(str(seconds))
    unfinished.rename(folder / fault)


class FaultyDetector:
    """All of another detector, but for what is ordered in `folder`."""

    def __init__(self, detector: Any, folder: Path) -> None:
        self._detector = detector
        self._folder = folder
        self._until: dict[str, float] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._detector, name)

    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Any:
        """Another detector's, unless a fault is ordered or lasts."""
        self._take_orders()
        if self._lasts("die"):
            raise SystemExit(f"{WORD} to die")
        if self._lasts("hang"):
            time.sleep(ENDLESS_S)
        if self._lasts("slow"):
            time.sleep(_SLOWNESS_S)
        if self._lasts("raise"):
            raise RuntimeError(f"{WORD} to fail")
        if self._lasts("starved") or (self._lasts("short") and len(images) > 1):
            raise torch.OutOfMemoryError(f"CUDA out of memory, as {WORD}")
        corner = images[:, :, 0, 0]
        if bool(((corner[:, 0] > 1) & (corner[:, 1:] < -1).all(1)).any()):
            raise ZeroDivisionError(f"{WORD} to break at this picture")
        return self._detector.detect(images, text, method)

    def _take_orders(self) -> None:
        for fault in ORDERS:
            ordered = self._folder / fault
            if ordered.exists():
                self._until[fault] = time.monotonic() + float(ordered.read_text())
                ordered.unlink()

    def _lasts(self, fault: str) -> bool:
        return time.monotonic() < self._until.get(fault, 0.0)
