"""States in one direction, and admission."""

import asyncio

import pytest

from app.errors import NotReadyError, QueueFullError
from app.lifecycle import Lifecycle, State


def ready(room: int = 2) -> Lifecycle:
    lifecycle = Lifecycle(room)
    lifecycle.started()
    return lifecycle


def test_nothing_is_admitted_before_the_start() -> None:
    with pytest.raises(NotReadyError, match="the service is starting"), Lifecycle(1).admit():
        pass


def test_no_way_back() -> None:
    lifecycle = ready()
    lifecycle.failed()
    assert lifecycle.state is State.READY
    lifecycle.drain()
    lifecycle.started()
    with pytest.raises(NotReadyError, match="the service is draining"):
        lifecycle.require_ready()


def test_a_failed_start_stays_failed() -> None:
    lifecycle = Lifecycle(1)
    lifecycle.failed()
    lifecycle.started()
    assert lifecycle.state is State.FAILED


def test_admission_ends_where_the_room_ends_and_comes_back() -> None:
    lifecycle = ready(room=2)
    with lifecycle.admit():
        with lifecycle.admit(), pytest.raises(QueueFullError, match="2 of 2"), lifecycle.admit():
            pass
        with lifecycle.admit():
            pass


def test_more_places_than_there_are_means_all_of_them() -> None:
    lifecycle = ready(room=2)
    with lifecycle.admit(32), pytest.raises(QueueFullError), lifecycle.admit():
        pass
    with lifecycle.admit(), pytest.raises(QueueFullError), lifecycle.admit(32):
        pass


def test_draining_lets_the_admitted_finish() -> None:
    async def scene() -> None:
        lifecycle = ready()
        await asyncio.wait_for(lifecycle.idle(), 60)
        with lifecycle.admit():
            lifecycle.drain()
            waiting = asyncio.create_task(lifecycle.idle())
            await asyncio.sleep(0)
            assert not waiting.done()
        await asyncio.wait_for(waiting, 60)

    asyncio.run(scene())
