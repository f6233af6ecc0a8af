"""SIGTERM and Ctrl-C: first refuse new requests and finish those under way, then stop serving.

A server closes its sockets at the first signal; while requests still run, a load balancer would
see refused connections instead of a red `/readyz`. So the signal reaches the server's own handler
only once nothing is under way.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from app.serving.admission import Admission
from app.serving.lifecycle import Lifecycle, State

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger(__name__)


@contextmanager
def drain_first(
    lifecycle: Lifecycle, admission: Admission, grace_s: float, notice_s: float = 0.1
) -> Iterator[None]:
    """While this lasts, the first signal drains for at most `grace_s` before the server gets one.
    Requests are refused from `notice_s` after it: what had come by then may not have been read yet.

    A second goes to the server without delay. uvicorn then closes its sockets at once, but still
    waits for the requests under way; once its sockets are closed, one more Ctrl-C (not SIGTERM)
    cuts these off.
    To be entered in a running event loop; without effect outside the main thread, where Python
    delivers no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    waiting: set[asyncio.Task[None]] = set()
    asked = False

    def pass_on(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    async def finish(number: int) -> None:
        # What had arrived before the signal is read first. Said here, not in the handler, which may
        # have interrupted another line of the log.
        await asyncio.sleep(notice_s)
        served = lifecycle.state in (State.READY, State.IMPAIRED)
        lifecycle.drain()
        if served:
            name = signal.Signals(number).name
            _log.warning("%s: no new requests; those under way have %.0f s", name, grace_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await admission.idle()
        if served:
            _log.warning("nothing is waited for any more: the server stops")
        pass_on(number, None)

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            pass_on(number, frame)
            return
        asked = True
        loop.call_soon_threadsafe(lambda: waiting.add(loop.create_task(finish(number))))

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, handler)
