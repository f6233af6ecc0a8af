"""Admission: places, their end and return, and no entry without a chance in time."""

import asyncio
import math

import pytest

from app.errors import QueueFullError
from app.serving.admission import Admission
from app.serving.pace import Pace


def admission(room: int = 2, *, pace: Pace | None = None, timeout_s: float = math.inf) -> Admission:
    return Admission(room, pace or Pace(), timeout_s)


def paced(seconds_per_image: float) -> Pace:
    pace = Pace()
    pace.record(1, seconds_per_image)
    return pace


def test_admission_ends_where_the_room_ends_and_comes_back() -> None:
    door = admission(room=2)
    with door.admit():
        with door.admit(), pytest.raises(QueueFullError, match="2 of 2"), door.admit():
            pass
        with door.admit():
            pass


def test_more_places_than_there_are_means_all_of_them() -> None:
    door = admission(room=2)
    with door.admit(32), pytest.raises(QueueFullError), door.admit():
        pass
    with door.admit(), pytest.raises(QueueFullError), door.admit(32):
        pass


def test_who_is_refused_is_told_how_long_those_ahead_will_take() -> None:
    door = admission(room=3, pace=paced(2.0))
    with door.admit(3), pytest.raises(QueueFullError) as refused, door.admit():
        pass
    assert refused.value.retry_after_s == 6.0


def test_nobody_is_let_in_who_could_only_be_answered_too_late() -> None:
    door = admission(room=100, pace=paced(2.0), timeout_s=10)
    with door.admit(3):
        with door.admit():  # 4 images, 8 s: the time limit less its margin
            pass
        with pytest.raises(QueueFullError, match=r"3 images .* within 10 s") as refused:
            door.admit(2).__enter__()
    assert refused.value.retry_after_s == 6.0


def test_without_anybody_ahead_any_pace_is_tried() -> None:
    with admission(room=100, pace=paced(1e6), timeout_s=1).admit(50):
        pass


def test_idle_is_when_the_admitted_have_gone() -> None:
    async def scene() -> None:
        door = admission()
        await asyncio.wait_for(door.idle(), 60)
        with door.admit():
            waiting = asyncio.create_task(door.idle())
            await asyncio.sleep(0)
            assert not waiting.done()
        await asyncio.wait_for(waiting, 60)

    asyncio.run(scene())
