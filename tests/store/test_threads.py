import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import pytest

from app.store.threads import Threads

PATIENCE_S = 60.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What hanging work waits for; opened at the end at the latest."""
    made = threading.Event()
    yield made
    made.set()


def hang(threads: Threads, gate: threading.Event) -> "Future[bool]":
    """Work that has begun and ends with the gate."""
    begun = threading.Event()

    def work() -> bool:
        begun.set()
        return gate.wait(PATIENCE_S)

    future = threads.submit(work)
    assert begun.wait(PATIENCE_S)
    return future


def test_results_and_errors_come_back() -> None:
    with Threads(2, "test") as threads:
        assert threads.submit(divmod, 7, 3).result(PATIENCE_S) == (2, 1)
        assert threads.submit(sorted, [1, 2], reverse=True).result(PATIENCE_S) == [2, 1]
        failing = threads.submit(divmod, 7, 0)
        with pytest.raises(ZeroDivisionError):
            failing.result(PATIENCE_S)
        assert threads.submit(divmod, 7, 3).result(PATIENCE_S) == (2, 1)


def test_one_that_hangs_leaves_the_others(gate: threading.Event) -> None:
    threads = Threads(2, "test")
    hang(threads, gate)
    assert threads.submit(len, "four").result(PATIENCE_S) == 4
    assert not threads.close(0.01)


def test_the_close_finishes_what_there_is() -> None:
    threads = Threads(1, "test")
    done: list[int] = []
    for number in range(5):
        threads.submit(lambda number=number: (time.sleep(0.01), done.append(number)))
    assert threads.close(PATIENCE_S)
    assert done == list(range(5))
    assert threads.close(0)
    with pytest.raises(RuntimeError, match="after the close"):
        threads.submit(len, "four")


def test_the_close_does_not_wait_for_what_hangs(gate: threading.Event) -> None:
    threads = Threads(1, "test")
    hanging = hang(threads, gate)
    waiting = threads.submit(len, "four")
    begin = time.monotonic()
    assert not threads.close(0.1)
    assert 0.1 <= time.monotonic() - begin < PATIENCE_S / 2
    with pytest.raises(CancelledError):
        waiting.result(PATIENCE_S)
    gate.set()
    assert hanging.result(PATIENCE_S)
    assert threads.close(PATIENCE_S)


def test_what_hangs_does_not_hold_up_the_end_of_the_process(gate: threading.Event) -> None:
    threads = Threads(1, "hanging")
    hang(threads, gate)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "hanging_0"]
    assert thread.daemon


def test_cancelled_work_is_not_begun(gate: threading.Event) -> None:
    threads = Threads(1, "test")
    hang(threads, gate)
    done: list[int] = []
    assert threads.submit(done.append, 1).cancel()
    gate.set()
    threads.submit(done.append, 2).result(PATIENCE_S)
    threads.shutdown()
    assert done == [2]
