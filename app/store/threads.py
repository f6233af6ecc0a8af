"""Threads for work that blocks and may hang, as a database's does: they can be left behind.

A ThreadPoolExecutor cannot end while one of its threads hangs: its shutdown waits without limit,
or not at all, and the interpreter's end waits for it in any case. Knows nothing of databases.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")
_Job = tuple["Future[Any]", Callable[[], Any]]


class Threads(Executor):
    """count: threads, all started when made; work beyond them waits in line."""

    def __init__(self, count: int, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}_{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, fn: Callable[_Given, _Result], /, *args: _Given.args, **kwargs: _Given.kwargs
    ) -> "Future[_Result]":
        """Run fn(*args, **kwargs) in one of the threads. Raises RuntimeError after the close."""
        future: Future[_Result] = Future()
        with self._closing:
            if self._closed:
                raise RuntimeError("no work is taken after the close")
            self._jobs.put((future, lambda: fn(*args, **kwargs)))
        return future

    def close(self, timeout_s: float) -> bool:
        """Take no more and finish what there is; whether all of it was within so many seconds.

        What has not begun by then is cancelled, what still runs is left to itself. Blocks.
        """
        self._take_no_more()
        end = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            return True
        self._cancel_waiting()
        return False

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As every executor's, without a bound; see `close`."""
        self._take_no_more()
        if cancel_futures:
            self._cancel_waiting()
        if wait:
            for thread in self._threads:
                thread.join()

    def _take_no_more(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
            for _thread in self._threads:
                self._jobs.put(None)

    def _cancel_waiting(self) -> None:
        ends = 0
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                ends += 1
            else:
                job[0].cancel()
        for _end in range(ends):
            self._jobs.put(None)

    def _work(self) -> None:
        while job := self._jobs.get():
            future, work = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:  # whatever it is belongs to who waits for it
                future.set_exception(error)
            else:
                future.set_result(result)
                del result
            # Nothing of it is held while waiting for the next.
            del job, future, work
