"""The faults that a running server is to bear, how each is brought about, and what may come of it.

Those of the model are ordered from `faulty`; the others are real ones, done to the process from
outside: no byte can be written, a folder cannot be used, somebody holds the database.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import httpx

from app.offline.reliability.faults import Trial, trial
from app.offline.reliability.faulty import order
from app.offline.reliability.site import CATEGORY, Site, breaking_picture, pictures

_LASTS_S = 2.0
_HELD_S = 4.0
_NEW_NAMES = 10


@dataclass(frozen=True)
class Injection:
    """One fault. may: statuses clients may see; must: which of them, to know that it came about.

    red: whether `/readyz` must turn red, and so within 5 s. poisoned: the first client's picture
    is one that breaks the model. restarts: the process ends and is started again.
    """

    name: str
    bring: Callable[[Site], Awaitable[None]]
    may: frozenset[int] = frozenset({200})
    must: frozenset[int] = frozenset({200})
    red: bool = False
    poisoned: bool = False
    restarts: bool = False

    def inject(self, site: Site, clients: int = 8) -> Trial:
        """Bring it about once, while so many clients post."""
        posted = pictures(clients)
        if self.poisoned:
            posted[0] = breaking_picture()
        return trial(site.server.url, CATEGORY, posted, partial(self.bring, site))

    def objections(self, found: Trial) -> list[str]:
        """What should not have been, in words."""
        total = found.total
        seen = set(total.statuses)
        said = []
        if total.wrong or total.lost:
            said.append(f"{total.wrong} wrong answers, {total.lost} lost")
        if not self.must <= seen <= self.may:
            said.append(f"statuses {sorted(seen)}, expected {sorted(self.may)}")
        if self.red != (found.red_s is not None):
            said.append(f"/readyz red: {found.red_s is not None}, expected {self.red}")
        if total.unheard and not self.restarts:
            said.append(f"{total.unheard} found nobody")
        if self.poisoned:
            others = Trial(found.clients[1:]).total.statuses
            if set(others) != {200}:
                said.append(f"a picture's neighbours saw {dict(others)}")
        return said


def _ordered(fault: str, seconds: float) -> Callable[[Site], Awaitable[None]]:
    async def bring(site: Site) -> None:
        order(site.orders, fault, seconds)
        while (site.orders / fault).exists():
            await asyncio.sleep(0.01)
        await asyncio.sleep(seconds)

    return bring


async def _hang(site: Site) -> None:
    """Until the process has ended by itself; then what runs it starts another."""
    order(site.orders, "hang", 1e6)
    while site.server.exit_code is None:
        await asyncio.sleep(0.05)
    await asyncio.to_thread(site.server.start)


async def _poison(_site: Site) -> None:
    await asyncio.sleep(_LASTS_S)


async def _full(site: Site) -> None:
    """Nothing can be written to any file: caches, database, its log."""
    _, hard = resource.prlimit(site.server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(site.server.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        await _ask_for_new_names(site)
        await asyncio.sleep(_LASTS_S)
    finally:
        resource.prlimit(site.server.pid, resource.RLIMIT_FSIZE, (hard, hard))


async def _unwritable(site: Site) -> None:
    """The folder of text features is none any more."""
    aside = site.models.with_name("aside")
    site.models.rename(aside)
    site.models.write_text("in the way")
    try:
        await _ask_for_new_names(site)
    finally:
        site.models.unlink()
        aside.rename(site.models)


async def _held(site: Site) -> None:
    """Somebody else keeps the database to himself."""
    (file,) = site.data.glob("*.db")
    opened = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
    with closing(opened) as other:  # used in one thread at a time
        await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
        await asyncio.sleep(_HELD_S)
        other.execute("ROLLBACK")


async def _damaged(site: Site) -> None:
    """Every cached text file is noise, and some are asked for again by a process that is new."""
    for file in site.models.rglob("*.safetensors"):
        file.write_bytes(b"noise" * 100)
    await _hang(site)


async def _ask_for_new_names(site: Site) -> None:
    """Raises RuntimeError for one that is not answered with a score."""
    (picture,) = pictures(1)
    before = await _unwritten(site)
    async with httpx.AsyncClient(timeout=60, trust_env=False, base_url=site.server.url) as http:
        for _ in range(_NEW_NAMES):
            site.names += 1
            path = f"/predict?category=part-{site.names}&heatmap=none"
            status = (await http.post(path, content=picture)).status_code
            if status != 200:
                raise RuntimeError(f"a new name: {status}, expected 200")
    if await _unwritten(site) - before < _NEW_NAMES:
        raise RuntimeError(f"expected {_NEW_NAMES} text features that could not be kept")


async def _unwritten(site: Site) -> float:
    async with httpx.AsyncClient(timeout=60, trust_env=False, base_url=site.server.url) as http:
        lines = (await http.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("clipad_unwritten_t"))


def injections() -> tuple[Injection, ...]:
    """All of them, in the order of the table."""
    failed, refused = frozenset({200, 500}), frozenset({200, 503})
    return (
        Injection("the model fails, 2 s", _ordered("raise", _LASTS_S), failed, failed),
        Injection("one picture breaks the model", _poison, failed, failed, poisoned=True),
        Injection("memory for one image alone, 2 s", _ordered("short", _LASTS_S)),
        Injection("memory for none, 2 s", _ordered("starved", _LASTS_S), refused, refused),
        Injection(
            "the model's threads die, 2 s", _ordered("die", _LASTS_S), refused, refused, red=True
        ),
        Injection("the model hangs", _hang, refused, refused, red=True, restarts=True),
        Injection("no byte can be written, 2 s", _full),
        Injection("text features cannot be kept", _unwritable),
        Injection("the database is held, 4 s", _held),
        Injection("damaged caches, then a hang", _damaged, refused, refused, True, restarts=True),
    )
