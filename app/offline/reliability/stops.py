"""A server told to stop while clients post to it: whoever was accepted before gets an answer.

Some of the clients are slow: they send the second half of their picture after the signal. Knows
nothing of how the server is run, but by HTTP and one signal.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx

QUICK, SLOW = 8, 4
"""Clients that post without a pause, and slow ones."""

_PATH = "/predict?category=wood&heatmap=none"
_SURE_S = 0.1  # sent this long before the signal, a request has been accepted by then
_PAUSE_S = 0.02
_LINGER_S = 0.25  # after the signal: how much later each slow client is done than the one before


@dataclass
class Stop:
    """What came of one stop: statuses, 0 being no answer. Accepted when the signal came were:

    before: those that had been sent by then; slow: those of which a half was still to be sent.
    after: of all others, which may be refused or find nobody. under_way: how many of `before` had
    no answer yet when the signal came: those that a stop could lose.
    """

    before: Counter[int] = field(default_factory=Counter)
    slow: Counter[int] = field(default_factory=Counter)
    after: Counter[int] = field(default_factory=Counter)
    under_way: int = 0

    @property
    def lost(self) -> int:
        """Requests that had been accepted and were never answered."""
        return self.before[0] + self.slow[0]

    def objections(self) -> list[str]:
        """What should not have been, in words."""
        said = []
        if self.lost:
            said.append(f"{self.lost} that had been accepted were not answered")
        for who, counts in (("sent", self.before), ("half sent", self.slow)):
            if refused := {status: n for status, n in counts.items() if status not in (0, 200)}:
                said.append(f"{who} before the signal: {refused}, expected 200 alone")
        # Who asks over a connection that is being closed may find nobody.
        if strange := set(self.after) - {0, 200, 503}:
            said.append(f"sent after the signal: {sorted(strange)}, expected 200, 503 or nobody")
        return said


def stop_under_load(url: str, picture: bytes, stop: Callable[[], None], after_s: float) -> Stop:
    """Post by all clients; call `stop` after so many seconds; go on until refused."""
    return asyncio.run(_Stopping(url, picture).run(stop, after_s))


@dataclass(frozen=True)
class _Asked:
    begin: float
    end: float
    status: int


class _Stopping:
    """The clients around one signal."""

    def __init__(self, url: str, picture: bytes) -> None:
        self._url = url
        self._picture = picture
        self._asked: list[_Asked] = []
        self._slow: list[_Asked] = []
        self._signalled = float("inf")
        self._signal = asyncio.Event()

    async def run(self, stop: Callable[[], None], after_s: float) -> Stop:
        async with httpx.AsyncClient(timeout=60, trust_env=False, base_url=self._url) as http:
            clients = [asyncio.create_task(self._slow_client(http, k)) for k in range(SLOW)]
            clients += [asyncio.create_task(self._quick_client(http)) for _ in range(QUICK)]
            await asyncio.sleep(after_s)
            self._signalled = time.monotonic()
            stop()
            self._signal.set()
            await asyncio.gather(*clients)
        return self._found()

    async def _quick_client(self, http: httpx.AsyncClient) -> None:
        status = 200
        while status == 200 or time.monotonic() < self._signalled + _SURE_S:
            begin = time.monotonic()
            try:
                status = (await http.post(_PATH, content=self._picture)).status_code
            except httpx.ConnectError:
                return  # nobody listens any more: never accepted
            except httpx.HTTPError:
                status = 0
            self._asked.append(_Asked(begin, time.monotonic(), status))
            if status != 200:
                await asyncio.sleep(_PAUSE_S)

    async def _slow_client(self, http: httpx.AsyncClient, number: int) -> None:
        begin, half = time.monotonic(), len(self._picture) // 2

        async def drip() -> AsyncIterator[bytes]:
            yield self._picture[:half]
            await self._signal.wait()
            await asyncio.sleep((number + 1) * _LINGER_S)
            yield self._picture[half:]

        try:
            status = (await http.post(_PATH, content=drip())).status_code
        except httpx.HTTPError:
            status = 0
        self._slow.append(_Asked(begin, time.monotonic(), status))

    def _found(self) -> Stop:
        found = Stop()
        for asked in self._asked:
            accepted = asked.begin < self._signalled - _SURE_S
            (found.before if accepted else found.after)[asked.status] += 1
            found.under_way += accepted and asked.end > self._signalled
        found.slow.update(asked.status for asked in self._slow)
        return found
