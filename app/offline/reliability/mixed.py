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
_PROBE_S, _PROBE_PATIENCE_S = 1.0, 5.0
_HOSTILE_EVERY_S, _SLOW_EVERY_S, _VANISHING_EVERY_S = 0.2, 2.0, 0.5


@dataclass
class Stretch:
    """One stretch of the soak. good, hostile, slow: statuses of such requests; 0: no answer.

    broken: who had no answer, and why not. probes_missed: those not answered with 200 within 5 s.
    """

    good: Counter[int] = field(default_factory=Counter)
    hostile: Counter[int] = field(default_factory=Counter)
    slow: Counter[int] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
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
) -> tuple[list[Stretch], Stretch]:
    """So many stretches of `stretch_s` seconds each, good requests at `rate` per second.

    told: hears of every stretch when it is over. The last of what is returned has those who came
    in time and were answered when all stretches were over.
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
) -> tuple[list[Stretch], Stretch]:
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
        crowd.stretch = late = Stretch()
        await crowd.end()
    return found, late


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

    async def _post(self, who: str, body: bytes | AsyncIterator[bytes]) -> int:
        try:
            return (await self._http.post(_PATH, content=body)).status_code
        except httpx.HTTPError as error:
            self.stretch.broken[f"{who}: {type(error).__name__} {error}".strip()] += 1
            return 0

    async def _good(self) -> None:
        status = await self._post("good", self._picture)
        self.stretch.good[status] += 1  # of the stretch there is by now

    async def _hostile(self) -> None:
        self._hostiles += 1
        # In a thread: some take a while to make, and the others are not to wait.
        body = await asyncio.to_thread(hostile, self._hostiles)
        status = await self._post("hostile", body.data or b"x")
        self.stretch.hostile[status] += 1

    async def _slow(self) -> None:
        async def drip() -> AsyncIterator[bytes]:
            size = len(self._picture)
            for start in range(0, size, size // 20):
                yield self._picture[start : start + size // 20]
                await asyncio.sleep(0.25)

        status = await self._post("slow", drip())
        self.stretch.slow[status] += 1

    async def _vanishing(self) -> None:
        task = asyncio.create_task(self._post("vanishing", self._picture))
        await asyncio.sleep(self._dice.uniform(0, 0.2))
        task.cancel()
        self.stretch.vanished += 1

    async def _probe(self) -> None:
        try:
            answer = await self._http.get("/healthz", timeout=_PROBE_PATIENCE_S)
            self.stretch.probes_missed += answer.status_code != 200
        except httpx.HTTPError:
            self.stretch.probes_missed += 1
