"""Clients that post on and on while something breaks: what each of them sees, and for how long.

Every client has a picture of its own and knows what was said of it before, so that an answer meant
for another one, or a wrong one, is found. Knows nothing of how the server is run, but by HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx

from app.offline.reliability.sightings import Client, Trial
from app.rounding import STEP

_SAME = 2 * STEP  # in whose company a picture is computed may move each part by one
_PROBE_S = 0.05
_PAUSE_S = 0.05  # after a refusal, as clients are asked to
_PATIENCE_S = 120.0


def trial(
    url: str,
    category: str,
    pictures: Sequence[bytes],
    fault: Callable[[], Awaitable[None]],
    *,
    broken: int = 0,
    before_s: float = 1.0,
    after_s: float = 1.0,
) -> Trial:
    """One client for each picture, posting without a pause; the fault; until it is over.

    fault: brings it about and returns when it is over or nothing more is to be done about it; the
    clients go on until `/readyz` is green, and `after_s` longer. broken: how many of the first
    pictures have no score even without the fault. Raises RuntimeError where another one has none,
    since its later answers could be compared with nothing; TimeoutError when it is never over.
    """
    return asyncio.run(_trial(url, category, pictures, fault, broken, before_s, after_s))


async def _trial(
    url: str,
    category: str,
    pictures: Sequence[bytes],
    fault: Callable[[], Awaitable[None]],
    broken: int,
    before_s: float,
    after_s: float,
) -> Trial:
    clients = [Client() for _ in pictures]
    found = Trial(clients)
    over = asyncio.Event()
    where = f"/predict?category={category}&heatmap=none"
    async with httpx.AsyncClient(timeout=_PATIENCE_S, trust_env=False, base_url=url) as http:
        before = [
            await _score(http, where, picture, number < broken)
            for number, picture in enumerate(pictures)
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for client, picture, answer in zip(clients, pictures, before, strict=True):
                    group.create_task(_post(http, where, client, picture, answer, over))
                await asyncio.sleep(before_s)
                begin = time.monotonic()
                probing = group.create_task(_probe(url, found, begin))
                await fault()
                await asyncio.sleep(10 * _PROBE_S)
                await _until_ready(http)
                await asyncio.sleep(after_s)
                over.set()
                probing.cancel()
        except ExceptionGroup as failures:  # the first one ended the others
            raise failures.exceptions[0] from failures
    return found


async def _score(
    http: httpx.AsyncClient, where: str, picture: bytes, broken: bool
) -> dict[str, Any] | None:
    """What is said of a picture; None of a broken one."""
    answer = await http.post(where, content=picture)
    if broken != (answer.status_code != 200):
        expected = "an error" if broken else "200"
        raise RuntimeError(f"before the fault: {answer.status_code}, expected {expected}")
    return None if broken else dict(answer.json())


async def _post(
    http: httpx.AsyncClient,
    where: str,
    client: Client,
    picture: bytes,
    before: dict[str, Any] | None,
    over: asyncio.Event,
) -> None:
    while not over.is_set():
        try:
            answer = await http.post(where, content=picture)
        except httpx.ConnectError:
            client.unheard += 1
            await asyncio.sleep(_PAUSE_S)
            continue
        except httpx.HTTPError:
            client.lost += 1
            continue
        client.statuses[answer.status_code] += 1
        if answer.status_code != 200:
            client.hear(answer)
            await asyncio.sleep(_PAUSE_S)
        else:
            client.wrong += before is None or not _agree(before, answer.json())


def _agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    same = all(one[name] == other[name] for name in ("category", "is_anomalous", "p_value"))
    return same and abs(one["anomaly_score"] - other["anomaly_score"]) <= _SAME


async def _probe(url: str, found: Trial, begin: float) -> None:
    """Look at both probes, over connections of their own."""
    async with httpx.AsyncClient(timeout=_PATIENCE_S, trust_env=False, base_url=url) as http:
        was_red = False
        while True:
            live, ready = await asyncio.gather(_status(http, "/healthz"), _status(http, "/readyz"))
            now = time.monotonic() - begin
            found.silent += (live, ready).count(0)
            if ready == 503 and found.red_s is None:
                found.red_s = now
            if live == 503 and found.dead_s is None:
                found.dead_s = now
            if ready == 200 and was_red:
                found.green_s = now
            was_red = ready != 200
            await asyncio.sleep(_PROBE_S)


async def _until_ready(http: httpx.AsyncClient) -> None:
    end = time.monotonic() + _PATIENCE_S
    while await _status(http, "/readyz") != 200:
        if time.monotonic() > end:
            raise TimeoutError(f"{http.base_url}: not ready again after {_PATIENCE_S:.0f} s")
        await asyncio.sleep(_PROBE_S)


async def _status(http: httpx.AsyncClient, path: str) -> int:
    """0 where nobody answers."""
    try:
        return (await http.get(path)).status_code
    except httpx.HTTPError:
        return 0
