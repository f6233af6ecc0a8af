"""Text features of object names, for an event loop: encoded in threads, once per name.

Callers who ask for the same new name share one encoding; other names go on meanwhile. New names
per minute are limited, since each costs some hundred prompts; names in memory need no thread, so
that slow new ones hold nobody else up. Knows nothing of HTTP or images.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Protocol

from torch import Tensor

from app.clipad.choices import RvsMethod
from app.clipad.prompts import Wording
from app.errors import TooManyNewCategoriesError

_MINUTE = 60.0
_Key = tuple[Wording, RvsMethod | None]


class NameEncoder(Protocol):
    """The part of a detector that turns names into text features; blocking, thread-safe."""

    def text_features(self, name: Wording, rvs: RvsMethod | None = None, /) -> Tensor: ...

    def peek_text(
        self, name: Wording, rvs: RvsMethod | None = None, /
    ) -> Tensor | None: ...  # from memory alone: at once

    def has_text(self, name: Wording, rvs: RvsMethod | None = None, /) -> bool: ...


class Vocabulary:
    """Text features [D,2] by wording and rvs.

    per_minute: names encoded for the first time within a minute at most; names that the encoder
    has already cost nothing and are not counted.
    """

    def __init__(
        self,
        encoder: NameEncoder,
        executor: Executor,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._encoder = encoder
        self._executor = executor
        self._per_minute = per_minute
        self._clock = clock
        self._started: deque[float] = deque()
        self._under_way: dict[_Key, asyncio.Future[Tensor]] = {}

    async def features(self, name: Wording, rvs: RvsMethod | None = None) -> Tensor:
        """Columns (normal, abnormal): [D,2] float32 on the CPU.

        Raises ObjectNameError for a name the encoder refuses, TooManyNewCategoriesError over the
        limit. A caller who leaves does not stop an encoding that others may wait for.
        """
        known = self._encoder.peek_text(name, rvs)
        if known is not None:
            return known
        future = self._under_way.get((name, rvs))
        if future is None:
            if not self._encoder.has_text(name, rvs):
                self._count_new(name.object)
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._executor, self._encoder.text_features, name, rvs)
            self._under_way[name, rvs] = future
            future.add_done_callback(lambda done: self._forget((name, rvs), done))
        return await asyncio.shield(future)

    def has(self, name: Wording, rvs: RvsMethod | None = None) -> bool:
        """Whether nothing needs encoding for it any more; looks at the disk, may take a moment."""
        return self._encoder.has_text(name, rvs)

    def _forget(self, key: _Key, done: asyncio.Future[Tensor]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # every caller may have left; then nobody else would look at it

    def _count_new(self, name: str) -> None:
        now = self._clock()
        while self._started and self._started[0] <= now - _MINUTE:
            self._started.popleft()
        if len(self._started) >= self._per_minute:
            raise TooManyNewCategoriesError(
                f"category {name!r} is new and {len(self._started)} new ones came within a "
                f"minute: expected at most {self._per_minute}",
                retry_after_s=self._started[0] + _MINUTE - now,
            )
        self._started.append(now)
