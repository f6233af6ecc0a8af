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

PROBLEM = "application/problem+json"
_EVERY = 10  # hostile bodies between two good ones
_SAME = 1e-5  # in whose company a picture is computed moves its last digits
_PAUSE_S = 0.05


@dataclass
class Outcome:
    """What came of an attack. statuses: by trick, how often which; wrong: what should not be.

    slowest_s: the longest answer to a hostile body. goods: good requests answered rightly.
    """

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    goods: int = 0

    @property
    def sent(self) -> int:
        """Hostile bodies that were answered."""
        return sum(sum(counts.values()) for counts in self.statuses.values())


def attack(url: str, bodies: Iterator[Hostile], good: bytes, clients: int) -> Outcome:
    """Post all bodies to `{url}/predict` by so many clients at once, in all ways in turn.

    good: a picture; every answer to it must be what it was before the attack.
    """
    return asyncio.run(_attack(url, bodies, good, clients))


async def _attack(url: str, bodies: Iterator[Hostile], good: bytes, clients: int) -> Outcome:
    outcome = Outcome()
    numbered = enumerate(bodies)
    async with httpx.AsyncClient(timeout=120, trust_env=False, base_url=url) as http:
        reference = await _score(http, good)

        async def client() -> None:
            for number, hostile in numbered:
                await _post(http, number, hostile, outcome)
                if number % _EVERY == 0:
                    score = await _score(http, good)
                    if abs(score - reference) <= _SAME:
                        outcome.goods += 1
                    else:
                        outcome.wrong.append(f"a good picture: {score}, before {reference}")

        await asyncio.gather(*(client() for _ in range(clients)))
    return outcome


async def _score(http: httpx.AsyncClient, good: bytes) -> float:
    """The good picture's anomaly score; nan where it is not answered with one."""
    try:
        answer = await _patient(http, "/predict?category=wood&heatmap=none", {"content": good})
        return float(answer.json()["anomaly_score"])
    except (httpx.HTTPError, KeyError, ValueError):
        return math.nan


async def _patient(http: httpx.AsyncClient, where: str, body: dict[str, Any]) -> httpx.Response:
    """Post, and again while there is no room: then nothing was looked at."""
    while (answer := await http.post(where, **body)).status_code == 429:
        await asyncio.sleep(_PAUSE_S)
    return answer


async def _post(http: httpx.AsyncClient, number: int, hostile: Hostile, outcome: Outcome) -> None:
    begin = time.perf_counter()
    form = {"files": {"image": ("part.png", hostile.data)}}
    where, body = (
        ("/predict?category=wood&heatmap=map", {"content": hostile.data}),
        ("/predict?category=wood", form),
        ("/predict/batch?category=wood&heatmap=none", form),
    )[number % 3]
    try:
        answer = await _patient(http, where, body)
    except httpx.HTTPError as error:
        outcome.wrong.append(f"{hostile.trick}, body {number}: {type(error).__name__}: {error}")
        outcome.statuses[hostile.trick][0] += 1
        return
    outcome.slowest_s = max(outcome.slowest_s, time.perf_counter() - begin)
    status = answer.status_code
    if number % 3 == 2 and status == 200:  # each image of a batch has its own
        (entry,) = answer.json()
        status = entry["problem"]["status"] if entry["problem"] else 200
    elif status != 200 and answer.headers["content-type"] != PROBLEM:
        outcome.wrong.append(f"{hostile.trick}, body {number}: {status} that is no problem+json")
    outcome.statuses[hostile.trick][status] += 1
    # An empty body is no image, whatever it claims to be: a field is missing.
    right = hostile.expected if hostile.data else {415, 422}
    if status not in right:
        outcome.wrong.append(f"{hostile.trick}, body {number}: {status}, not {sorted(right)}")
