"""Watches the model's thread: one that died is tried out again, one that hangs ends the process.

    died    `/readyz` red; a real prediction through a new thread; green again when that succeeds
    hangs   `/healthz` and `/readyz` red, everybody waiting is told; after `grace_s` the process
            ends, for nothing in Python can stop a thread, and whoever runs it starts another

Knows nothing of what the thread computes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from app.errors import NotReadyError
from app.serving.lifecycle import Lifecycle

_log = logging.getLogger(__name__)


class Watched(Protocol):
    """What can be seen of a thread."""

    @property
    def deaths(self) -> int: ...
    @property
    def busy_s(self) -> float: ...


class Watchdog:
    """probe: one real prediction; raises while there is something wrong. abandon: gives everybody
    who waits an error. leave: ends the process. limit_s: a job that takes longer hangs.
    """

    def __init__(
        self,
        worker: Watched,
        lifecycle: Lifecycle,
        *,
        probe: Callable[[], Awaitable[object]],
        abandon: Callable[[Exception], None],
        leave: Callable[[], None],
        limit_s: float,
        every_s: float = 0.5,
        grace_s: float = 3.0,
    ) -> None:
        self._worker = worker
        self._lifecycle = lifecycle
        self._probe = probe
        self._abandon = abandon
        self._leave = leave
        self._limit_s = limit_s
        self._every_s = every_s
        self._grace_s = grace_s
        self._buried = worker.deaths

    async def watch(self) -> None:
        """Until cancelled, or the thread hangs."""
        while True:
            await asyncio.sleep(self._every_s)
            if self._worker.busy_s > self._limit_s:
                await self._give_up()
                return
            if self._worker.deaths != self._buried:
                await self._revive()

    async def _revive(self) -> None:
        deaths = self._worker.deaths
        self._lifecycle.impaired()
        probing = asyncio.ensure_future(self._probe())
        # A new thread may hang, too: the probe is watched like anything else.
        while not probing.done() and self._worker.busy_s <= self._limit_s:
            await asyncio.wait([probing], timeout=self._every_s)
        if not probing.done():
            probing.cancel()
            return
        if probing.exception() is not None:
            _log.error(
                "the model's thread died, and the next one fails", exc_info=probing.exception()
            )
            return
        self._buried = deaths
        self._lifecycle.recovered()
        _log.warning("the model's thread died; a new one works")

    async def _give_up(self) -> None:
        seconds = self._worker.busy_s
        _log.critical("the model has not answered for %.0f s: this process ends", seconds)
        self._lifecycle.hung()
        self._abandon(NotReadyError("the model hangs: this process is about to be started anew"))
        await asyncio.sleep(self._grace_s)
        self._leave()
