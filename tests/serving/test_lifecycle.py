"""States in one direction."""

import asyncio

import pytest

from app.errors import NotReadyError
from app.serving.lifecycle import Lifecycle, State


def test_only_ready_is_ready() -> None:
    lifecycle = Lifecycle()
    with pytest.raises(NotReadyError, match="the service is starting"):
        lifecycle.require_ready()
    lifecycle.started()
    lifecycle.require_ready()


def test_no_way_back() -> None:
    lifecycle = Lifecycle()
    lifecycle.started()
    lifecycle.failed()
    assert lifecycle.state is State.READY
    lifecycle.drain()
    lifecycle.started()
    with pytest.raises(NotReadyError, match="the service is draining"):
        lifecycle.require_ready()


def test_a_failed_start_stays_failed() -> None:
    lifecycle = Lifecycle()
    lifecycle.failed()
    lifecycle.started()
    assert lifecycle.state is State.FAILED


def test_impaired_and_back() -> None:
    lifecycle = Lifecycle()
    lifecycle.impaired()
    assert lifecycle.state is State.STARTING
    lifecycle.started()
    lifecycle.impaired()
    assert lifecycle.lives
    with pytest.raises(NotReadyError, match="the service is impaired"):
        lifecycle.require_ready()
    lifecycle.recovered()
    lifecycle.require_ready()


def test_who_takes_long_learns_that_the_end_has_begun() -> None:
    async def scene() -> None:
        lifecycle = Lifecycle()
        lifecycle.started()
        waiting = asyncio.create_task(lifecycle.drained())
        await asyncio.sleep(0)
        assert not waiting.done()
        lifecycle.drain()
        await asyncio.wait_for(waiting, 60)
        await asyncio.wait_for(lifecycle.drained(), 60)

    asyncio.run(scene())
