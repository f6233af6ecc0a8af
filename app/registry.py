"""Categories for an event loop: read from the store in a thread, kept for a moment.

What another process wrote is seen after `fresh_s`, what this one wrote at once. A store that fails,
or has not answered within `patience_s`, is forgiven for `stale_s`: decisions then rest on what was
read last. A failure is believed for `fresh_s`: not every request shall wait for another. Knows
nothing of HTTP or images.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from app.categories import Category
from app.errors import NotReadyError
from app.standing import Standing, category_of, record_of, standing_of
from app.store.records import CategoryRecord, SampleRecord
from app.store.store import Store

FRESH_S = 0.5
PATIENCE_S = 0.3
STALE_S = 60.0
_KEPT = 1024
_QUIET_S = 10.0  # between two log lines about a store that does not answer
_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Read:
    """What the store said of a key, None where it has no such category, when asked at `asked`."""

    asked: float
    standing: Standing | None


@dataclass(frozen=True)
class _Reading:
    """A question to the store that is not answered yet."""

    asked: float
    answer: "asyncio.Future[Standing | None]"


class Registry:
    """methods, model: the served ones and the model's fingerprint.

    look_ups: threads that `find` alone uses, so that slow writers do not hold it up; executor: for
    everything else with the store.
    """

    def __init__(
        self,
        store: Store,
        look_ups: Executor,
        executor: Executor,
        methods: Sequence[str],
        model: str,
        *,
        fresh_s: float = FRESH_S,
        patience_s: float = PATIENCE_S,
        stale_s: float = STALE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self._look_ups = look_ups
        self._executor = executor
        self._methods = tuple(methods)
        self._model = model
        self._fresh_s = fresh_s
        self._patience_s = patience_s
        self._stale_s = stale_s
        self._clock = clock
        self._read: OrderedDict[str, _Read] = OrderedDict()
        self._under_way: dict[str, _Reading] = {}
        self._failed: tuple[float, NotReadyError] | None = None
        self._warned = -float("inf")

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
        return await self.run(self._load_all)

    async def change(self, category: Category, change: Callable[[Category], Category]) -> Standing:
        """Register what `change` makes of the registered category, or of this one where there is
        none; its samples stay.

        Nobody else changes the category between reading and writing. change runs in another thread,
        holds up other writers and so must be quick; what it raises leaves everything as it was.
        """

        def changed(found: CategoryRecord | None) -> CategoryRecord:
            return record_of(change(category if found is None else category_of(found)))

        await self.run(lambda: self.store.change_category(category.key, changed))
        return await self._anew(category)

    async def delete(self, key: str) -> bool:
        """Forget it with its samples; whether there was one."""
        gone = await self.run(lambda: self.store.delete_category(key))
        self.forget(key)
        return gone

    async def add(
        self, category: Category, samples: Sequence[SampleRecord], *, registered: bool
    ) -> Standing:
        """Keep samples, all or none. registered: whether the category was found registered.

        One that was not is registered with its first samples; one that was, and has been deleted
        since, is not registered again: raises UnknownCategoryError. Raises FieldError where there
        would be too many samples.
        """
        record = record_of(category)

        def kept() -> Standing:
            found, all_of_it = self.store.add_samples(record, samples, registered=registered)
            return self._standing(category_of(found), all_of_it, registered=True)

        # Not read anew: a failure then would look like one of what has been kept.
        standing = await self.run(kept)
        self.forget(category.key)
        self._failed = None  # the store has just answered
        return standing

    async def replace(self, category: Category, samples: Sequence[SampleRecord]) -> Standing:
        """Register it with exactly these samples. Raises FieldError where these are too many."""
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
        self._failed = None  # the store has just answered
        return await self.find(category)

    async def _registered(self, key: str) -> Standing | None:
        now = self._clock()
        read = self._read.get(key)
        if read is not None and now - read.asked < self._fresh_s:
            return read.standing
        if read is not None and now - read.asked > self._stale_s:
            read = None
        if self._failed is not None and now - self._failed[0] < self._fresh_s:
            return self._forgiven(key, read, self._failed[1])
        reading = self._under_way.get(key) or self._ask(key, now)
        if read is not None:
            # Who comes while it hangs does not wait as long again.
            left_s = self._patience_s - (now - reading.asked)
            await asyncio.wait({reading.answer}, timeout=max(0.0, left_s))
            if not reading.answer.done():
                error = NotReadyError(f"no answer within {self._patience_s:g} s")
                return self._forgiven(key, read, error)
        try:
            return await asyncio.shield(reading.answer)
        except NotReadyError as error:
            return self._forgiven(key, read, error)

    def _forgiven(self, key: str, read: _Read | None, error: NotReadyError) -> Standing | None:
        """What was read last; raises the error where that is too old or nothing."""
        if read is None:
            raise NotReadyError(str(error)) from error  # one of its own for each who waits
        now = self._clock()
        if now - self._warned >= _QUIET_S:
            self._warned = now
            _log.warning("category %r: as read %.1f s ago: %s", key, now - read.asked, error)
        return read.standing

    def _ask(self, key: str, now: float) -> _Reading:
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._look_ups, self._load, key)
        reading = self._under_way[key] = _Reading(now, answer)
        answer.add_done_callback(lambda _done: self._arrived(key, reading))
        return reading

    def _arrived(self, key: str, reading: _Reading) -> None:
        answer = reading.answer
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, NotReadyError):
            self._failed = (self._clock(), error)
        elif not answer.cancelled():
            self._failed = None
        if self._under_way.get(key) is not reading:
            return  # changed meanwhile: this is what was before
        del self._under_way[key]
        if answer.cancelled() or error is not None:
            return
        self._read[key] = _Read(reading.asked, answer.result())
        self._read.move_to_end(key)
        while len(self._read) > _KEPT:
            self._read.popitem(last=False)

    def _load(self, key: str) -> Standing | None:
        record, samples = self.store.state(key)
        if record is None:
            return None
        return self._standing(category_of(record), samples, registered=True)

    def _load_all(self) -> list[Standing]:
        # One by one: one may be gone by now, and the samples of all at once may be a lot.
        found = [self._load(record.key) for record in self.store.categories()]
        return [standing for standing in found if standing is not None]

    def _standing(
        self, category: Category, samples: Sequence[SampleRecord], *, registered: bool
    ) -> Standing:
        return standing_of(
            category, samples, registered=registered, methods=self._methods, model=self._model
        )
