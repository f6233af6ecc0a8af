"""Categories for an event loop: read from the store in a thread, kept for a moment.

What another process wrote is seen after `fresh_s`, what this one wrote at once. A store that does
not answer is forgiven for `stale_s`: decisions then rest on what was read last. Knows nothing of
HTTP or images.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from app.categories import Category
from app.errors import NotReadyError
from app.standing import Standing, category_of, record_of, standing_of
from app.store.records import SampleRecord
from app.store.store import Store

FRESH_S = 0.5
STALE_S = 60.0
_KEPT = 1024
_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


class Registry:
    """methods, model: the served ones and the model's fingerprint; executor: for the store."""

    def __init__(
        self,
        store: Store,
        executor: Executor,
        methods: Sequence[str],
        model: str,
        *,
        fresh_s: float = FRESH_S,
        stale_s: float = STALE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self._executor = executor
        self._methods = tuple(methods)
        self._model = model
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._clock = clock
        self._read: OrderedDict[str, tuple[float, Standing | None]] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[Standing | None]] = {}

    async def find(self, category: Category) -> Standing:
        """The registered category of that key, or the given one, not registered.

        Raises NotReadyError when the store does not answer and nothing recent is known.
        """
        found = await self._registered(category.key)
        if found is not None:
            return found
        return self._standing(category, (), registered=False)

    async def listed(self) -> list[Standing]:
        """All registered categories with their samples, by id; read anew."""
        records = await self.run(self.store.categories)
        found = [await self._registered(record.key) for record in records]
        return [standing for standing in found if standing is not None]

    async def put(self, category: Category) -> Standing:
        """Register it, or change what is registered; its samples stay."""
        await self.run(lambda: self.store.put_category(record_of(category)))
        return await self._anew(category)

    async def delete(self, key: str) -> bool:
        """Forget it with its samples; whether there was one."""
        gone = await self.run(lambda: self.store.delete_category(key))
        self.forget(key)
        return gone

    async def add(self, category: Category, samples: Sequence[SampleRecord]) -> Standing:
        """Keep samples, all or none; the category is registered with the first."""
        await self.run(lambda: self.store.add_samples(record_of(category), samples))
        return await self._anew(category)

    async def replace(self, category: Category, samples: Sequence[SampleRecord]) -> Standing:
        """Register it with exactly these samples."""
        await self.run(lambda: self.store.replace_category(record_of(category), samples))
        return await self._anew(category)

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Something with the store, in a thread; its result."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def forget(self, key: str) -> None:
        """Read it anew when next asked for: it was changed."""
        self._read.pop(key, None)
        self._under_way.pop(key, None)

    async def _anew(self, category: Category) -> Standing:
        self.forget(category.key)
        return await self.find(category)

    async def _registered(self, key: str) -> Standing | None:
        now = self._clock()
        read = self._read.get(key)
        if read is not None and now - read[0] < self._fresh_s:
            return read[1]
        future = self._under_way.get(key)
        if future is None:
            future = asyncio.ensure_future(self.run(lambda: self._load(key)))
            self._under_way[key] = future
            future.add_done_callback(lambda done: self._arrived(key, now, done))
        try:
            return await asyncio.shield(future)
        except NotReadyError as error:
            if read is None or now - read[0] > self._stale_s:
                raise
            _log.warning("category %r: as read %.0f s ago (%s)", key, now - read[0], error)
            return read[1]

    def _arrived(self, key: str, asked: float, done: "asyncio.Future[Standing | None]") -> None:
        if self._under_way.get(key) is not done:  # changed meanwhile: this is what was before
            done.cancelled() or done.exception()
            return
        del self._under_way[key]
        if done.cancelled() or done.exception() is not None:
            return
        self._read[key] = (asked, done.result())
        self._read.move_to_end(key)
        while len(self._read) > _KEPT:
            self._read.popitem(last=False)

    def _load(self, key: str) -> Standing | None:
        record, samples = self.store.state(key)
        if record is None:
            return None
        return self._standing(category_of(record), samples, registered=True)

    def _standing(
        self, category: Category, samples: Sequence[SampleRecord], *, registered: bool
    ) -> Standing:
        return standing_of(
            category, samples, registered=registered, methods=self._methods, model=self._model
        )
