"""Ctrl-C and SIGTERM: the first asks a run to stop at the next step, the second ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """Leaves work that is begun anew when the run is resumed; never seen outside a run."""


class Stop:
    """Whether a run was asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def asked(self) -> bool:
        """Whether to stop as soon as the work in hand is done."""
        return self.signal is not None

    def check(self) -> None:
        """Raise Stopped if asked to stop."""
        if self.asked:
            raise Stopped


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """While this lasts, the first signal is noted; the next has its usual, deadly effect."""
    stop = Stop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, _: FrameType | None) -> None:
        stop.signal = number
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
