"""How long a server goes on as before after something was changed through another one."""

import time
from collections.abc import Callable

A_SECOND = 1.0
_PATIENCE_S = 300


def outdated_for(knows: Callable[[], bool]) -> float:
    """Seconds from now until the server is asked for the last time before it knows better.

    Less the longest time that one question took: on a busy machine all takes longer, and what a
    server does not get to do says nothing of how long it takes old things for true.
    """
    begin = last = time.monotonic()
    longest = 0.0
    while True:
        asked = time.monotonic()
        if knows():
            return max(0.0, last - begin - longest)
        longest = max(longest, time.monotonic() - asked)
        last = asked
        assert last < begin + _PATIENCE_S
