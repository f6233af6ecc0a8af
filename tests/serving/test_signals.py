"""SIGTERM: the first drains and then reaches the server, a second reaches it at once."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from app.serving.admission import Admission
from app.serving.lifecycle import Lifecycle, State
from app.serving.pace import Pace
from app.serving.signals import drain_first


@pytest.fixture
def reached() -> Iterator[list[int]]:
    """Signals that got to the server's own handler."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def ready() -> tuple[Lifecycle, Admission]:
    lifecycle = Lifecycle()
    lifecycle.started()
    return lifecycle, Admission(4, Pace(), 60)


async def until(numbers: list[int]) -> None:
    async with asyncio.timeout(60):
        while not numbers:
            await asyncio.sleep(0.005)


def test_the_server_is_stopped_once_nothing_is_under_way(reached: list[int]) -> None:
    async def scene() -> None:
        lifecycle, admission = ready()
        with drain_first(lifecycle, admission, grace_s=3600, notice_s=0.02):
            with admission.admit():
                signal.raise_signal(signal.SIGTERM)
                await asyncio.sleep(0)
                assert lifecycle.state is State.READY  # requests may lie in the sockets yet
                await asyncio.sleep(0.1)
                assert (lifecycle.state, reached) == (State.DRAINING, [])
            await until(reached)

    asyncio.run(scene())
    assert reached == [signal.SIGTERM]


def test_a_second_signal_does_not_wait(reached: list[int]) -> None:
    async def scene() -> None:
        lifecycle, admission = ready()
        with drain_first(lifecycle, admission, grace_s=3600), admission.admit():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert reached == [signal.SIGTERM]

    asyncio.run(scene())


def test_the_grace_ends(reached: list[int]) -> None:
    async def scene() -> None:
        lifecycle, admission = ready()
        with drain_first(lifecycle, admission, grace_s=0.01), admission.admit():
            signal.raise_signal(signal.SIGTERM)
            await until(reached)

    asyncio.run(scene())


def test_afterwards_the_server_s_handler_is_back(reached: list[int]) -> None:
    async def scene() -> None:
        with drain_first(*ready(), grace_s=1):
            pass

    asyncio.run(scene())
    signal.raise_signal(signal.SIGTERM)
    assert reached == [signal.SIGTERM]


def test_outside_the_main_thread_nothing_happens() -> None:
    async def scene() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with drain_first(*ready(), grace_s=1):
            assert signal.getsignal(signal.SIGTERM) is before

    async def in_a_thread() -> None:
        await asyncio.to_thread(asyncio.run, scene())

    asyncio.run(in_a_thread())
