"""Where the process stands: starting, ready, draining or failed. Knows nothing of the model."""

from enum import StrEnum

from app.errors import NotReadyError


class State(StrEnum):
    """One direction only: starting -> ready or failed; each of them -> draining."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    DRAINING = "draining"


class Lifecycle:
    """State of one process."""

    def __init__(self) -> None:
        self._state = State.STARTING

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
