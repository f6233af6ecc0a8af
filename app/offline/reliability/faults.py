"""Clients that post on and on while something breaks: what each of them sees, and for how long.

Every client has a picture of its own and knows what was said of it before, so that an answer meant
for another one, or a wrong one, is found. Knows nothing of how the server is run, but by HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

_SAME = 1e-5  # in whose company a picture is computed moves its last digits
_PROBE_S = 0.05
_PAUSE_S = 0.05  # after a refusal, as clients are asked to
_PATIENCE_S = 120.0


@dataclass
class Client:
    """What one client saw. statuses: of everything that was answered; wrong: 200, but not its
    picture's score or decision; unheard: nobody listened; lost: sent, and the connection broke.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: int = 0
    unheard: int = 0
    lost: int = 0


@dataclass
class Trial:
    """One fault. red_s: from the fault until the probe was first not 200, None if it never was;
    dead_s: the same of the health; green_s: from the fault until `/readyz` was 200 for good.
    """

    clients: list[Client]
    red_s: float | None = None
    dead_s: float | None = None
    green_s: float = 0.0

    @property
    def total(self) -> Client:
        """All clients together."""
        return Client(
            sum((client.statuses for client in self.clients), Counter()),
            sum(client.wrong for client in self.clients),
            sum(client.unheard for client in self.clients),
            sum(client.lost for client in self.clients),
        )


def trial(
    url: str,
    category: str,
    pictures: Sequence[bytes],
    fault: Callable[[], Awaitable[None]],
    *,
    before_s: float = 1.0,
    after_s: float = 1.0,
) -> Trial:
    """One client for each picture, posting without a pause; the fault; until it is over.

    fault: brings it about and returns when it is over or nothing more is to be done about it; the
    clients go on until `/readyz` is green, and `after_s` longer. A picture that is not answered
    with 200 before has nothing that its later answers could be compared with: they are not.
    """
    return asyncio.run(_trial(url, category, pictures, fault, before_s, after_s))


async def _trial(
    url: str,
    category: str,
    pictures: Sequence[bytes],
    fault: Callable[[], Awaitable[None]],
    before_s: float,
    after_s: float,
) -> Trial:
    clients = [Client() for _ in pictures]
    found = Trial(clients)
    over = asyncio.Event()
    async with httpx.AsyncClient(timeout=_PATIENCE_S, trust_env=False, base_url=url) as http:
        where = f"/predict?category={category}&heatmap=none"
        before = [(await http.post(where, content=picture)).json() for picture in pictures]
        async with asyncio.TaskGroup() as group:
            for client, picture, answer in zip(clients, pictures, before, strict=True):
                group.create_task(_post(http, where, client, picture, answer, over))
            await asyncio.sleep(before_s)
            begin = time.monotonic()
            probing = group.create_task(_probe(url, found, begin))
            await fault()
            await asyncio.sleep(10 * _PROBE_S)
            while not await _is_well(http, "/readyz"):
                if time.monotonic() - begin > _PATIENCE_S:
                    raise TimeoutError(f"{url}: not well again after {_PATIENCE_S:.0f} s")
                await asyncio.sleep(_PROBE_S)
            await asyncio.sleep(after_s)
            over.set()
            probing.cancel()
    return found


async def _post(
    http: httpx.AsyncClient,
    where: str,
    client: Client,
    picture: bytes,
    before: dict[str, Any],
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
            await asyncio.sleep(_PAUSE_S)
        elif "anomaly_score" in before:
            client.wrong += not _agree(before, answer.json())


def _agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    same = all(one[name] == other[name] for name in ("category", "is_anomalous", "p_value"))
    return same and abs(one["anomaly_score"] - other["anomaly_score"]) <= _SAME


async def _probe(url: str, found: Trial, begin: float) -> None:
    """Look at both probes, over connections of their own."""
    async with httpx.AsyncClient(timeout=_PATIENCE_S, trust_env=False, base_url=url) as http:
        was_red = False
        while True:
            live, ready = await asyncio.gather(
                _is_well(http, "/healthz"), _is_well(http, "/readyz")
            )
            now = time.monotonic() - begin
            if not ready and found.red_s is None:
                found.red_s = now
            if not live and found.dead_s is None:
                found.dead_s = now
            if ready and was_red:
                found.green_s = now
            was_red = not ready
            await asyncio.sleep(_PROBE_S)


async def _is_well(http: httpx.AsyncClient, path: str) -> bool:
    try:
        return (await http.get(path)).status_code == 200
    except httpx.HTTPError:
        return False
