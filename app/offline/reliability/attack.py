"""Hostile bodies posted to a running server, and good ones in between that must not suffer.

Knows nothing of how the server is run, but by HTTP.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.offline.reliability.hostile import Hostile
from app.offline.reliability.sightings import PROBLEM
from app.rounding import STEP

_EVERY = 10  # hostile bodies between two good ones
_SAME = 2 * STEP  # in whose company a picture is computed may move each part by one
_PAUSE_S = 0.05
_ENOUGH = 20  # things that went wrong: more would say no more, and each may take its time


@dataclass
class Outcome:
    """What came of an attack. statuses: by trick, how often which; wrong: what should not be.

    slowest_s: the longest answer to a hostile body, times without room not counted. goods: good
    requests answered rightly.
    """

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    goods: int = 0

    @property
    def sent(self) -> int:
        """Hostile bodies that were answered."""
        return sum(sum(counts.values()) for counts in self.statuses.values())


def attack(
    url: str, bodies: Iterator[Hostile], good: bytes, clients: int, patience_s: float = 60.0
) -> Outcome:
    """Post all bodies to `{url}/predict` by so many clients at once, in all ways in turn.

    good: a picture; every answer to it must be what it was before the attack. patience_s: after so
    long without room, 429 counts as the answer. Gives up once enough went wrong.
    """
    return asyncio.run(_Attack(bodies, good, patience_s).run(url, clients))


class _Attack:
    """The clients of one attack."""

    def __init__(self, bodies: Iterator[Hostile], good: bytes, patience_s: float) -> None:
        self._numbered = enumerate(bodies)
        self._good = good
        self._patience_s = patience_s
        self._outcome = Outcome()

    async def run(self, url: str, clients: int) -> Outcome:
        async with httpx.AsyncClient(timeout=60, trust_env=False, base_url=url) as http:
            reference = await self._score(http)
            await asyncio.gather(*(self._client(http, reference) for _ in range(clients)))
        return self._outcome

    async def _client(self, http: httpx.AsyncClient, reference: float) -> None:
        for number, hostile in self._numbered:
            await self._post(http, number, hostile)
            if number % _EVERY == 0:
                score = await self._score(http)
                if abs(score - reference) <= _SAME:
                    self._outcome.goods += 1
                else:
                    self._outcome.wrong.append(f"a good picture: {score}, before {reference}")
            if len(self._outcome.wrong) >= _ENOUGH:
                return

    async def _score(self, http: httpx.AsyncClient) -> float:
        """The good picture's anomaly score; nan where it is not answered with one."""
        where = "/predict?category=wood&heatmap=none"
        try:
            answer, _ = await self._patient(http, where, {"content": self._good})
            return float(answer.json()["anomaly_score"])
        except (httpx.HTTPError, KeyError, ValueError):
            return math.nan

    async def _patient(
        self, http: httpx.AsyncClient, where: str, body: dict[str, Any]
    ) -> tuple[httpx.Response, float]:
        """Post, and for a while again where there is no room: then nothing was looked at.

        The answer, and the seconds that it took.
        """
        end = time.monotonic() + self._patience_s
        while True:
            begin = time.monotonic()
            answer = await http.post(where, **body)
            now = time.monotonic()
            if answer.status_code != 429 or now > end:
                return answer, now - begin
            await asyncio.sleep(_PAUSE_S)

    async def _post(self, http: httpx.AsyncClient, number: int, hostile: Hostile) -> None:
        outcome, name = self._outcome, f"{hostile.trick}, body {number}"
        form = {"files": {"image": ("part.png", hostile.data)}}
        where, body = (
            ("/predict?category=wood&heatmap=map", {"content": hostile.data}),
            ("/predict?category=wood", form),
            ("/predict/batch?category=wood&heatmap=none", form),
        )[number % 3]
        try:
            answer, seconds = await self._patient(http, where, body)
        except httpx.HTTPError as error:
            outcome.wrong.append(f"{name}: {type(error).__name__}: {error}")
            outcome.statuses[hostile.trick][0] += 1
            return
        outcome.slowest_s = max(outcome.slowest_s, seconds)
        status = _status(answer)
        outcome.statuses[hostile.trick][status] += 1
        if answer.status_code != 200 and answer.headers.get("Content-Type") != PROBLEM:
            outcome.wrong.append(f"{name}: {status} that is no problem+json")
        # An empty body is no image, whatever it claims to be: a field is missing.
        right = hostile.expected if hostile.data else {415, 422}
        if status not in right:
            outcome.wrong.append(f"{name}: {status}, not {sorted(right)}")


def _status(answer: httpx.Response) -> int:
    """The answer's own; of a batch of one, its only image's."""
    if answer.status_code != 200 or not answer.url.path.endswith("/batch"):
        return answer.status_code
    (entry,) = answer.json()
    return int(entry["problem"]["status"]) if entry["problem"] else 200
