"""Who gets in: a request holds places for its images, and there are only so many.

Decided from a request's head, before its body is read: a flood of uploads then fills neither the
memory nor the queue, and whoever is refused learns it at once. Knows nothing of HTTP, the model,
or whether the service is ready.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import QueueFullError
from app.serving.pace import Pace

_TIMELY = 0.8  # of the time limit: estimates err, and an answer also has to travel


class Admission:
    """Places for the images of requests under way.

    room: places in all. timeout_s: time limit of a request; one that could, at the measured pace,
    only be answered after it is refused like one without room: computing it would be for nothing.
    """

    def __init__(self, room: int, pace: Pace, timeout_s: float) -> None:
        self._room = room
        self._pace = pace
        self._timeout_s = timeout_s
        self._taken = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def admit(self, places: int = 1) -> Iterator[None]:
        """A request under way that holds up to so many images (never more than all the room).

        Raises QueueFullError without room, or without a chance in time.
        """
        places = min(places, self._room)
        self._check(places)
        self._taken += places
        self._idle.clear()
        try:
            yield
        finally:
            self._taken -= places
            if not self._taken:
                self._idle.set()

    async def idle(self) -> None:
        """Returns once nothing is under way."""
        await self._idle.wait()

    def _check(self, places: int) -> None:
        if not self._taken:
            return  # whatever was measured: nobody is ahead, and the pace can only be learnt anew
        ahead = self._pace.seconds_for(self._taken)
        if self._taken + places > self._room:
            raise QueueFullError(
                f"{self._taken} of {self._room} places are taken: expected {places} free",
                retry_after_s=ahead,
            )
        needed = self._pace.seconds_for(self._taken + places)
        if needed > _TIMELY * self._timeout_s:
            raise QueueFullError(
                f"{self._taken} images are under way, and with this request's {places} they would "
                f"take about {needed:.1f} s: expected to answer within {self._timeout_s:g} s",
                retry_after_s=ahead,
            )
