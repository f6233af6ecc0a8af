"""A bounded micro-batcher: single items in, computed together, each result to its own caller.

One thread computes, so the model is never entered twice. An item that finds it idle starts at
once; items that come meanwhile wait for it and then go together.

Why one of our own: Triton's dynamic batcher and KServe's live in servers of their own, in front of
or beside the process, where an object's text features could not meet the image's tensor, and pay
a copy for it; LitServe and Ray Serve bring their own server, and LitServe's workers their own
processes. Taken over from them: the two bounds `max_batch` and `max_wait_s` (all four), a bounded
queue that refuses and deadlines checked before computing (Triton's queue policy). Different: the
wait for company only ever follows a busy model, where with KServe and LitServe a lone item waits
for it too; and one item's failure is its own. Knows nothing of torch, images or HTTP.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.errors import DeadlineError, NotReadyError, QueueFullError
from app.serving.pace import Pace
from app.serving.worker import Worker

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class _Waiting(Generic[Item, Result]):
    item: Item
    outcome: asyncio.Future[Result]
    since: float
    deadline: float


class Batcher(Generic[Item, Result]):
    """Collects items from one event loop and hands them to `run` in its own thread.

    run: list of items -> as many results in the same order, where an exception among the results
    belongs to that item alone; one that is raised belongs to every item of the batch.
    max_batch: items per run at most. max_wait_s: how long an item that met a busy model waits for
    company. capacity: items waiting at most, those being computed not counted. pace: told of every
    batch that was computed. worker: the thread it all runs in.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Sequence[Result | Exception]],
        max_batch: int,
        max_wait_s: float,
        capacity: int,
        pace: Pace | None = None,
    ) -> None:
        self._run = run
        self.max_batch = max_batch
        self._max_wait_s = max_wait_s
        self._capacity = capacity
        self._pace = pace or Pace()
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._arrival = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.worker = Worker("model")
        self._computing: list[_Waiting[Item, Result]] = []
        self._closed = False

    @property
    def waiting(self) -> int:
        """Items in the queue whose callers are still there."""
        return sum(not entry.outcome.done() for entry in self._queue)

    async def submit(self, item: Item, deadline: float = math.inf) -> Result:
        """The item's result, or what `run` gave or raised for it.

        A caller that is cancelled leaves the queue, and so does one whose deadline (by the loop's
        clock) has passed: its item is not computed if that has not begun. Raises QueueFullError
        at once without room, DeadlineError for a deadline met while waiting, NotReadyError after
        `drain`.
        """
        if self._closed:
            raise NotReadyError("the service is shutting down: expected no new requests")
        # What an idle model is about to take does not wait for anything.
        room = self._capacity + (0 if self._computing else self.max_batch)
        if self.waiting >= room:
            raise QueueFullError(
                f"{self.waiting} images are waiting: expected fewer than {room}",
                retry_after_s=self._pace.seconds_for(self.waiting),
            )
        loop = asyncio.get_running_loop()
        entry = _Waiting[Item, Result](item, loop.create_future(), loop.time(), deadline)
        self._queue.append(entry)
        self._arrival.set()
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="batcher")
        return await entry.outcome

    async def drain(self) -> None:
        """Take nothing more, finish what was accepted, end the thread."""
        self._closed = True
        while self._task is not None:
            await asyncio.wait([self._task])
        self.worker.close()

    def abandon(self, error: Exception) -> None:
        """Take nothing more, and give everybody this error now: the model will not answer."""
        self._closed = True
        for entry in (*self._computing, *self._queue):
            if not entry.outcome.done():
                entry.outcome.set_exception(error)

    async def _work(self) -> None:
        """Run batch after batch until nothing waits; only the first starts on an idle model."""
        loop = asyncio.get_running_loop()
        try:
            while batch := self._take():
                await self._compute(loop, batch)
                await self._gather(loop)
        finally:
            self._task = None

    async def _compute(
        self, loop: asyncio.AbstractEventLoop, batch: list[_Waiting[Item, Result]]
    ) -> None:
        items = [entry.item for entry in batch]
        outcomes: Sequence[Result | Exception]
        self._computing = batch
        begin = loop.time()
        try:
            outcomes = await self.worker.run(lambda: self._run(items))
            if len(outcomes) != len(items):
                raise RuntimeError(f"{len(outcomes)} results for {len(items)} items")
            self._pace.record(len(items), loop.time() - begin)
        except Exception as error:
            outcomes = [error] * len(items)
        finally:
            self._computing = []
        for entry, outcome in zip(batch, outcomes, strict=True):
            if entry.outcome.done():
                continue
            if isinstance(outcome, Exception):
                entry.outcome.set_exception(outcome)
            else:
                entry.outcome.set_result(outcome)

    async def _gather(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until a batch is full or the oldest item has waited `max_wait_s`."""
        while self._drop_left() and len(self._queue) < self.max_batch and not self._closed:
            left = self._queue[0].since + self._max_wait_s - loop.time()
            if left <= 0:
                return
            self._arrival.clear()
            try:
                await asyncio.wait_for(self._arrival.wait(), left)
            except TimeoutError:
                return

    def _take(self) -> list[_Waiting[Item, Result]]:
        self._drop_left()
        return [self._queue.popleft() for _ in range(min(self.max_batch, len(self._queue)))]

    def _drop_left(self) -> bool:
        """Forget those who left or whose time is up; whether anybody still waits."""
        now = asyncio.get_running_loop().time()
        for entry in self._queue:
            if entry.deadline <= now and not entry.outcome.done():
                waited = now - entry.since
                entry.outcome.set_exception(
                    DeadlineError(f"waited {waited:.1f} s for the model: the deadline passed")
                )
        self._queue = deque(entry for entry in self._queue if not entry.outcome.done())
        return bool(self._queue)
