"""Mixed clients for minutes: good ones, hostile ones, slow ones, and some that vanish.

Good requests come at random moments at a steady rate, whatever becomes of them (open loop). Knows
nothing of how the server is run, but by HTTP.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from app.offline.reliability.hostile import hostile

_PATH = "/predict?category=wood&heatmap=none"
_PROBE_S = 1.0
_HOSTILE_EVERY_S, _SLOW_EVERY_S, _VANISHING_EVERY_S = 0.2, 2.0, 0.5


@dataclass
class Stretch:
    """One stretch of the soak. good: statuses of good requests; 0: no answer."""

    good: Counter[int] = field(default_factory=Counter)
    hostile: Counter[int] = field(default_factory=Counter)
    slow: Counter[int] = field(default_factory=Counter)
    vanished: int = 0
    probes_missed: int = 0
    seconds: float = 0.0
    memory_mib: float = 0.0

    @property
    def goodput(self) -> float:
        """Good pictures answered per second."""
        return self.good[200] / self.seconds


def soak(
    url: str,
    picture: bytes,
    *,
    rate: float,
    stretches: int,
    stretch_s: float,
    memory_mib: Callable[[], float],
    told: Callable[[Stretch], None],
) -> list[Stretch]:
    """So many stretches of `stretch_s` seconds each, good requests at `rate` per second.

    told: hears of every stretch when it is over.
    """
    return asyncio.run(_soak(url, picture, rate, stretches, stretch_s, memory_mib, told))


async def _soak(
    url: str,
    picture: bytes,
    rate: float,
    stretches: int,
    stretch_s: float,
    memory_mib: Callable[[], float],
    told: Callable[[Stretch], None],
) -> list[Stretch]:
    dice = random.Random(0)  # noqa: S311 (nothing secret)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    found: list[Stretch] = []
    async with httpx.AsyncClient(timeout=120, trust_env=False, base_url=url, limits=limits) as http:
        crowd = _Crowd(http, picture, dice)
        crowd.begin(rate)
        for _ in range(stretches):
            crowd.stretch = stretch = Stretch()
            begin = time.monotonic()
            await asyncio.sleep(stretch_s)
            stretch.seconds = time.monotonic() - begin
            stretch.memory_mib = memory_mib()
            found.append(stretch)
            told(stretch)
        await crowd.end()
    return found


class _Crowd:
    """All clients; each counts in the stretch in which it is answered."""

    def __init__(self, http: httpx.AsyncClient, picture: bytes, dice: random.Random) -> None:
        self._http = http
        self._picture = picture
        self._dice = dice
        self._sources: list[asyncio.Task[None]] = []
        self._clients: set[asyncio.Future[None]] = set()
        self._hostiles = 0
        self.stretch = Stretch()

    def begin(self, rate: float) -> None:
        """Let them come."""
        for client, every_s in (
            (self._good, 1 / rate),
            (self._hostile, _HOSTILE_EVERY_S),
            (self._slow, _SLOW_EVERY_S),
            (self._vanishing, _VANISHING_EVERY_S),
            (self._probe, _PROBE_S),
        ):
            self._sources.append(asyncio.create_task(self._source(client, every_s)))

    async def end(self) -> None:
        """Let nobody come any more, and wait for those who did."""
        for source in self._sources:
            source.cancel()
        await asyncio.gather(*self._sources, *self._clients, return_exceptions=True)

    async def _source(self, client: Callable[[], Awaitable[None]], every_s: float) -> None:
        due = time.monotonic()
        while True:
            due += self._dice.expovariate(1 / every_s)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.ensure_future(client())
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)

    async def _post(self, body: bytes | AsyncIterator[bytes]) -> int:
        try:
            return (await self._http.post(_PATH, content=body)).status_code
        except httpx.HTTPError:
            return 0

    async def _good(self) -> None:
        self.stretch.good[await self._post(self._picture)] += 1

    async def _hostile(self) -> None:
        self._hostiles += 1
        self.stretch.hostile[await self._post(hostile(self._hostiles).data or b"x")] += 1

    async def _slow(self) -> None:
        async def drip() -> AsyncIterator[bytes]:
            size = len(self._picture)
            for start in range(0, size, size // 20):
                yield self._picture[start : start + size // 20]
                await asyncio.sleep(0.25)

        self.stretch.slow[await self._post(drip())] += 1

    async def _vanishing(self) -> None:
        task = asyncio.create_task(self._post(self._picture))
        await asyncio.sleep(self._dice.uniform(0, 0.2))
        task.cancel()
        self.stretch.vanished += 1

    async def _probe(self) -> None:
        try:
            answer = await self._http.get("/healthz", timeout=5)
            self.stretch.probes_missed += answer.status_code != 200
        except httpx.HTTPError:
            self.stretch.probes_missed += 1
