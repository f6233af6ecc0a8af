"""Waiting in a test for what other threads bring about."""

import time
from collections.abc import Callable

_PATIENCE_S = 300


def wait_for(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; fails when it does not within minutes."""
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
