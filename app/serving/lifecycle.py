"""Where the process stands, from starting to its end. Knows nothing of the model."""

import asyncio
from enum import StrEnum

from app.errors import NotReadyError


class State(StrEnum):
    """starting -> ready or failed; ready <-> impaired; any but hung -> draining; the last three ->
    hung."""

    STARTING = "starting"
    READY = "ready"
    IMPAIRED = "impaired"
    FAILED = "failed"
    HUNG = "hung"
    DRAINING = "draining"


class Lifecycle:
    """State of one process."""

    def __init__(self) -> None:
        self._state = State.STARTING
        self._drained = asyncio.Event()

    @property
    def state(self) -> State:
        return self._state

    @property
    def lives(self) -> bool:
        """Whether waiting may help; if not, the process is to be started anew."""
        return self._state is not State.HUNG

    @property
    def ending(self) -> bool:
        """Whether nothing will be served again, so that clients had better ask elsewhere."""
        return self._state in (State.HUNG, State.DRAINING)

    def started(self) -> None:
        """Weights are loaded and a real prediction has run."""
        self._go(State.READY, State.STARTING)

    def failed(self) -> None:
        """Starting did not succeed and will not by itself."""
        self._go(State.FAILED, State.STARTING)

    def impaired(self) -> None:
        """The model's thread has died."""
        self._go(State.IMPAIRED, State.READY)

    def recovered(self) -> None:
        """A real prediction has run again."""
        self._go(State.READY, State.IMPAIRED)

    def hung(self) -> None:
        """The model will never answer again."""
        self._go(State.HUNG, State.READY, State.IMPAIRED, State.DRAINING)

    def drain(self) -> None:
        """Admit nothing more; what was admitted goes on. A process that hangs stays so."""
        if self._state is not State.HUNG:
            self._state = State.DRAINING
            self._drained.set()

    async def drained(self) -> None:
        """Returns once nothing more is admitted."""
        await self._drained.wait()

    def require_ready(self) -> None:
        """Raises NotReadyError unless requests are being served."""
        if self._state is not State.READY:
            raise NotReadyError(f"the service is {self._state}: expected ready")

    def require_life(self) -> None:
        """Raises NotReadyError where only another process can help."""
        if not self.lives:
            raise NotReadyError(f"the service is {self._state}: expected a process that answers")

    def _go(self, to: State, *sources: State) -> None:
        if self._state in sources:
            self._state = to
