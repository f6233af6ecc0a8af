"""How a run tells of itself, as an interface: a command line shows bars, a test stays silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from app.offline.training.history import EpochRow

FEATURES = "features"
"""The name of the phase that runs the backbone."""

Advance = Callable[[int], None]
"""Called with the number of images that were just done."""


class Reporter(Protocol):
    """What a run tells."""

    def say(self, text: str) -> None:
        """One line for people."""

    def phase(self, name: str, total: int, done: int = 0) -> AbstractContextManager[Advance]:
        """A part of the work over `total` images, `done` of which need no more work."""

    def epoch(self, row: EpochRow, best: bool) -> None:
        """An epoch has ended; `best`: it is the best so far."""


class Silent:
    """Tells nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    @contextmanager
    def phase(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Nothing."""
        yield lambda _: None

    def epoch(self, row: EpochRow, best: bool) -> None:
        """Nothing."""
