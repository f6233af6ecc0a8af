"""How each fault is brought about in a running server.

Those of the model are ordered from `faulty`; the others are real ones, done to the process from
outside: no byte can be written, a folder cannot be used, somebody holds the database. Each returns
when it is over, and raises RuntimeError or TimeoutError when it did not come about.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from time import monotonic

import httpx

from app.offline.reliability.faulty import ENDLESS_S, order
from app.offline.reliability.site import Site, pictures

Cause = Callable[[Site], Awaitable[None]]

LASTS_S = 2.0
HELD_S = 4.0
_NEW_NAMES = 10
_HUNG_EXIT_CODE = 70
_PATIENCE_S = 60.0


def ordered(fault: str) -> Cause:
    """What the model does for `LASTS_S`, from its next computation."""

    async def bring(site: Site) -> None:
        order(site.orders, fault, LASTS_S)
        taken = (site.orders / fault).exists
        await _until(lambda: not taken(), f"the order {fault!r} to be taken")
        await asyncio.sleep(LASTS_S)

    return bring


async def hang(site: Site) -> None:
    """Until the process has ended by itself; then what runs it starts another."""
    order(site.orders, "hang", ENDLESS_S)
    await _until(lambda: site.server.exit_code is not None, "the process that hangs to end")
    if site.server.exit_code != _HUNG_EXIT_CODE:
        raise RuntimeError(f"ended with {site.server.exit_code}, expected {_HUNG_EXIT_CODE}")
    await asyncio.to_thread(site.server.start)


async def nothing(_site: Site) -> None:
    """Time passes."""
    await asyncio.sleep(LASTS_S)


async def full(site: Site) -> None:
    """Nothing can be written to any file: caches, database, its log."""
    _, hard = resource.prlimit(site.server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(site.server.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        await _ask_for_new_names(site)
        await asyncio.sleep(LASTS_S)
    finally:
        resource.prlimit(site.server.pid, resource.RLIMIT_FSIZE, (hard, hard))


async def unwritable(site: Site) -> None:
    """The folder of text features is none any more."""
    aside = site.models.with_name("aside")
    site.models.rename(aside)
    site.models.write_text("in the way")
    try:
        await _ask_for_new_names(site)
    finally:
        site.models.unlink()
        aside.rename(site.models)


async def held(site: Site) -> None:
    """Somebody else keeps the database to himself."""
    (file,) = site.data.glob("*.db")
    opened = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
    with closing(opened) as other:  # used in one thread at a time
        await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
        await asyncio.sleep(HELD_S)
        other.execute("ROLLBACK")


async def damaged(site: Site) -> None:
    """Every cached text file is noise, and some are asked for again by a process that is new."""
    files = list(site.models.rglob("*.safetensors"))
    if not files:
        raise RuntimeError(f"{site.models}: holds no text features; expected some to damage")
    for file in files:
        file.write_bytes(b"noise" * 100)
    await hang(site)


async def _until(condition: Callable[[], bool], awaited: str) -> None:
    end = monotonic() + _PATIENCE_S
    while not condition():
        if monotonic() > end:
            raise TimeoutError(f"waited {_PATIENCE_S:.0f} s for {awaited}")
        await asyncio.sleep(0.01)


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
