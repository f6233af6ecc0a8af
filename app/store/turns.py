"""A lock whose waiters are served in the order they came. Knows nothing of databases.

Python's own locks promise no order: a thread in a loop takes such a lock again before one that
waits has woken up, and may keep it from it for as long as the loop lasts.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """One thread at a time, first come, first served; not reentrant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, timeout_s: float) -> Iterator[None]:
        """Wait for one's turn and hold it. Raises TimeoutError when it does not come in time."""
        self._take(timeout_s)
        try:
            yield
        finally:
            self._pass_on()

    def _take(self, timeout_s: float) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(timeout_s):
            return
        with self._lock:
            # The turn may have come since the wait was over.
            if not mine.is_set():
                self._waiting.remove(mine)
                raise TimeoutError(f"no turn within {timeout_s} s")

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
