"""Load for a server, bounded in time: so many clients in turn, or so many requests a second.

Knows nothing of what the answers mean but their status and the times they tell.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import numpy as np

_PAUSE_S = 0.02
STAGES = ("decode", "queue", "model", "render", "total")


@dataclass(frozen=True)
class Answer:
    """Status, seconds from sending to the last byte, when that was, the server's times in ms."""

    status: int
    seconds: float
    moment: float
    timing_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Load:
    """What came of it: all answers, those that came late too, and the seconds it went on."""

    answers: Sequence[Answer]
    seconds: float

    @property
    def served(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status == 200]

    @property
    def refused(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status == 429]

    @property
    def rate(self) -> float:
        """Images per second, those counted that were served while it went on."""
        return sum(answer.moment <= self.seconds for answer in self.served) / self.seconds

    def stage_ms(self, stage: str) -> float:
        """Median of the server's own time of a stage."""
        return median([answer.timing_ms[stage] for answer in self.served])


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Seconds that so many percent of the answers took at most; nan without any."""
    return float(np.percentile([a.seconds for a in answers], share)) if answers else float("nan")


def median(values: Sequence[float]) -> float:
    """nan without any."""
    return float(np.median(values)) if values else float("nan")


def closed_loop(
    url: str,
    picture: bytes,
    clients: int,
    *,
    seconds: float = float("inf"),
    requests: float = float("inf"),
    seen: Callable[[int], None] = lambda _count: None,
) -> Load:
    """So many clients, each sending its next request when the last is answered.

    Ends after so many seconds or requests. seen: told the number of answers at each.
    """
    return asyncio.run(_closed_loop(url, picture, clients, seconds, requests, seen))


def open_loop(url: str, picture: bytes, rate: float, seconds: float) -> Load:
    """Requests at random moments, `rate` per second on average, whatever becomes of them.

    All of them are waited for; the load's seconds are those in which requests were sent.
    """
    return asyncio.run(_open_loop(url, picture, rate, seconds))


def in_turns(urls: Sequence[str], picture: bytes, turns: int) -> list[list[Answer]]:
    """One request to each of the URLs in every turn, the first in one turn being the last in the
    next -> of each URL, the answers by turn.
    """
    return asyncio.run(_in_turns(urls, picture, turns))


def answers_beside(url: str, load_url: str, picture: bytes, seconds: float) -> tuple[Load, Load]:
    """GET `url` fifty times a second while one client posts `picture` to `load_url` all the time.

    Returns the load of the first and of the second.
    """
    return asyncio.run(_answers_beside(url, load_url, picture, seconds))


async def _answers_beside(
    url: str, load_url: str, picture: bytes, seconds: float
) -> tuple[Load, Load]:
    answers: list[Answer] = []
    begin = time.perf_counter()
    posting = asyncio.create_task(
        _closed_loop(load_url, picture, 1, seconds, float("inf"), lambda _count: None)
    )
    async with _http(None) as http:
        while not posting.done():
            start = time.perf_counter()
            status = (await http.get(url)).status_code
            end = time.perf_counter()
            answers.append(Answer(status, end - start, end - begin))
            await asyncio.sleep(_PAUSE_S)
    return Load(answers, time.perf_counter() - begin), await posting


async def _closed_loop(
    url: str,
    picture: bytes,
    clients: int,
    seconds: float,
    requests: float,
    seen: Callable[[int], None],
) -> Load:
    answers: list[Answer] = []
    begin = time.perf_counter()
    started = 0

    async def client(http: httpx.AsyncClient) -> None:
        nonlocal started
        while started < requests and time.perf_counter() - begin < seconds:
            started += 1
            answers.append(await _ask(http, url, picture, begin))
            seen(len(answers))

    async with _http(clients) as http:
        await asyncio.gather(*(client(http) for _ in range(clients)))
    return Load(answers, time.perf_counter() - begin)


async def _in_turns(urls: Sequence[str], picture: bytes, turns: int) -> list[list[Answer]]:
    answers: list[list[Answer]] = [[] for _ in urls]
    begin = time.perf_counter()
    async with _http(None) as http:
        for turn in range(turns):
            places = range(len(urls)) if turn % 2 == 0 else reversed(range(len(urls)))
            for place in places:
                answers[place].append(await _ask(http, urls[place], picture, begin))
    return answers


async def _open_loop(url: str, picture: bytes, rate: float, seconds: float) -> Load:
    dice = random.Random(0)  # noqa: S311 (nothing secret)
    asked: list[asyncio.Task[Answer]] = []
    begin = time.perf_counter()
    moment = 0.0
    async with _http(None) as http:
        while (moment := moment + dice.expovariate(rate)) < seconds:
            await asyncio.sleep(max(0.0, begin + moment - time.perf_counter()))
            asked.append(asyncio.create_task(_ask(http, url, picture, begin)))
        return Load(await asyncio.gather(*asked), seconds)


def _http(connections: int | None) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(timeout=120, limits=limits, trust_env=False)


async def _ask(http: httpx.AsyncClient, url: str, picture: bytes, begin: float) -> Answer:
    start = time.perf_counter()
    status, timing = 0, dict[str, float]()
    with suppress(httpx.HTTPError):
        answer = await http.post(url, files={"image": ("part.jpg", picture, "image/jpeg")})
        status = answer.status_code
        timing = answer.json()["timing_ms"] if status == 200 else {}
    end = time.perf_counter()
    return Answer(status, end - start, end - begin, timing)
