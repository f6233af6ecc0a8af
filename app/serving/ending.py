"""How a process whose model hangs ends: its sockets first, then all of it."""

import os
import signal
import threading
from collections.abc import Callable

HUNG_EXIT_CODE = 70  # EX_SOFTWARE
_LAST_WORDS_S = 10.0  # for a client that does not take its answer


def stop_serving(or_else: Callable[[], None]) -> None:
    """Have the server close its sockets, so that nobody is accepted whom nobody answers."""
    late = threading.Timer(_LAST_WORDS_S, or_else)
    late.daemon = True
    late.start()
    signal.raise_signal(signal.SIGTERM)


def leave_hung() -> None:
    """End this process at once, whatever its threads are doing."""
    os._exit(HUNG_EXIT_CODE)
