"""Where the process stands: starting, ready, draining or failed; and what is under way.

Admission happens here: a request gets in when the service is ready and there is room, so that
a flood of uploads cannot fill the memory. Knows nothing of HTTP or the model.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from app.errors import NotReadyError, QueueFullError


class State(StrEnum):
    """One direction only: starting -> ready or failed; each of them -> draining."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    DRAINING = "draining"


class Lifecycle:
    """State of one process. room: images that requests under way hold at most."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._state = State.STARTING
        self._taken = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def state(self) -> State:
        return self._state

    def started(self) -> None:
        """Weights are loaded and a real prediction has run."""
        if self._state is State.STARTING:
            self._state = State.READY

    def failed(self) -> None:
        """Starting did not succeed and will not by itself."""
        if self._state is State.STARTING:
            self._state = State.FAILED

    def drain(self) -> None:
        """Admit nothing more; what was admitted goes on."""
        self._state = State.DRAINING

    def require_ready(self) -> None:
        """Raises NotReadyError unless requests are being served."""
        if self._state is not State.READY:
            raise NotReadyError(f"the service is {self._state}: expected ready")

    @contextmanager
    def admit(self, places: int = 1) -> Iterator[None]:
        """A request under way that holds up to so many images (never more than all the room).

        Raises NotReadyError or, without room, QueueFullError.
        """
        self.require_ready()
        places = min(places, self._room)
        if self._taken + places > self._room:
            raise QueueFullError(
                f"{self._taken} of {self._room} places are taken: expected {places} free"
            )
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
