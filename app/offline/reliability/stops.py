"""A server told to stop while clients post to it: whoever was accepted before gets an answer.

Knows nothing of how the server is run, but by HTTP and one signal.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

_CLIENTS = 8
_SURE_S = 0.1  # sent this long before the signal, a request has been accepted by then


@dataclass
class Stop:
    """What came of one stop. before: statuses of those sent before the signal; 0: no answer.

    after: of those sent later, which may be refused or find nobody.
    """

    before: Counter[int] = field(default_factory=Counter)
    after: Counter[int] = field(default_factory=Counter)

    @property
    def lost(self) -> int:
        """Requests that had been accepted and were never answered."""
        return self.before[0]


def stop_under_load(url: str, picture: bytes, stop: Callable[[], None], after_s: float) -> Stop:
    """Post by 8 clients without a pause; call `stop` after so many seconds; go on until refused."""
    return asyncio.run(_stop_under_load(url, picture, stop, after_s))


async def _stop_under_load(
    url: str, picture: bytes, stop: Callable[[], None], after_s: float
) -> Stop:
    asked: list[tuple[float, int]] = []
    signalled = float("inf")

    async def client(http: httpx.AsyncClient) -> None:
        while time.monotonic() < signalled + _SURE_S or (asked and asked[-1][1] == 200):
            begin, status = time.monotonic(), 0
            try:
                answer = await http.post("/predict?category=wood&heatmap=none", content=picture)
                status = answer.status_code
            except httpx.ConnectError:
                return  # nobody listens any more: never accepted
            except httpx.HTTPError:
                pass
            asked.append((begin, status))
            if status != 200:
                await asyncio.sleep(0.02)

    async with httpx.AsyncClient(timeout=60, trust_env=False, base_url=url) as http:
        clients = [asyncio.create_task(client(http)) for _ in range(_CLIENTS)]
        await asyncio.sleep(after_s)
        signalled = time.monotonic()
        stop()
        await asyncio.gather(*clients)
    found = Stop()
    for begin, status in asked:
        counts = found.before if begin < signalled - _SURE_S else found.after
        counts[status] += 1
    return found
