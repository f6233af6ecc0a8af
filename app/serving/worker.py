"""One thread that runs one job at a time, and is replaced when it dies.

Why not a ThreadPoolExecutor of one: it never notices that its thread is gone, does not say how long
a job has been running, and waits for a job that hangs when the interpreter ends. Knows nothing of
what its jobs are.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

from app.errors import NotReadyError

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class _Job(Generic[Result]):
    """Something to run, and where its outcome goes: once, in the loop that asked."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self.outcome: asyncio.Future[Result] = self._loop.create_future()

    def run(self) -> Callable[[], None]:
        """What settles the outcome; everything but what ends a thread is the job's own."""
        try:
            return partial(self.outcome.set_result, self._work())
        except Exception as error:
            return partial(self.outcome.set_exception, error)

    def fail(self, error: Exception) -> None:
        """Settle it with this error."""
        self.deliver(partial(self.outcome.set_exception, error))

    def deliver(self, settle: Callable[[], None]) -> None:
        """Settle it in the loop that asked, unless that is over."""
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, settle)

    def _settle(self, settle: Callable[[], None]) -> None:
        if not self.outcome.done():
            settle()


class Worker:
    """Runs jobs in a thread of this name, started with the first job.

    deaths: how often the thread has ended without being told to. To be used from one event loop.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job[object] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._since: float | None = None
        self.deaths = 0

    @property
    def busy_s(self) -> float:
        """Seconds that the present job has been running; 0 without one."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    async def run(self, work: Callable[[], Result]) -> Result:
        """The work's result, or what it raised.

        Raises NotReadyError when the thread ends under it; the next job finds a new thread. One
        job at a time: to be awaited before the next is given.
        """
        job = _Job(work)
        self._jobs.put(job)  # type: ignore[arg-type]
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        return await job.outcome

    def close(self) -> None:
        """End the thread once its job is done; returns at once."""
        self._jobs.put(None)

    def _work(self) -> None:
        job: _Job[object] | None = None
        try:
            while (job := self._jobs.get()) is not None:
                self._since = time.monotonic()
                settle = job.run()
                self._since = None  # before anybody is told
                job.deliver(settle)
                job = None
                del settle
        except BaseException as error:
            # What is no Exception is meant for the thread, and nobody above it could do more.
            _log.critical("the thread %r has died", self._name, exc_info=error)
            self._since = None
            # Before anybody is told, who may have the next job at once: this thread is alive yet.
            self._thread = None
            self.deaths += 1
            if job is not None:
                job.fail(NotReadyError(f"the thread {self._name!r} has died under this: try again"))
