"""How fast images are computed, as lately measured; what waiting times are estimated from.

Knows nothing of who computes them, or of who waits.
"""

_MEMORY = 0.8  # of what went before, at each new measurement


class Pace:
    """Seconds per image over the last batches, large batches counting for more."""

    def __init__(self) -> None:
        self._images = 0.0
        self._seconds = 0.0

    def record(self, images: int, seconds: float) -> None:
        """So many images were computed together in so many seconds."""
        self._images = self._images * _MEMORY + images
        self._seconds = self._seconds * _MEMORY + seconds

    def seconds_for(self, images: int) -> float:
        """Estimated seconds to compute so many; 0 before anything was measured."""
        return images * self._seconds / self._images if self._images else 0.0
