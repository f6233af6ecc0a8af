"""Curves for people to look at: thinned to few points. Figures are never computed from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.offline.metrics.figures import Curve

MOST_POINTS = 500


def thinned(x: NDArray[Any], y: NDArray[Any], most: int = MOST_POINTS) -> Curve:
    """At most `most` of the points (x rising), evenly along the curve, both ends among them."""
    steps = np.abs(np.diff(x)) + np.abs(np.diff(y))
    length = np.concatenate([[0.0], np.cumsum(steps)])
    kept = np.searchsorted(length, np.linspace(0, length[-1], most))
    kept[-1] = len(x) - 1
    kept = np.unique(kept) if len(x) > most else np.arange(len(x))
    return Curve(tuple(np.asarray(x)[kept].tolist()), tuple(np.asarray(y)[kept].tolist()))
