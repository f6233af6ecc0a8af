"""What pixel figures cost: AUROC, AP, F1-max and PRO of many maps, and the memory they take.

The maps are smooth noise, higher on a few random boxes each, as smooth as served ones; making
them is not timed. Knows nothing of models.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.offline.metrics.figures import PixelFigures
from app.offline.metrics.pixel import PixelScores

_BATCH = 8
_SIGMA = 1 / 30  # of the side: 8 at 240
_MOST_REGIONS = 6


@dataclass(frozen=True)
class PixelTimes:
    """Seconds of all maps together, median of the turns; growth of the process's peak memory."""

    seconds: float
    growth_mib: float
    figures: PixelFigures


def time_pixel_figures(maps: int, side: int, turns: int) -> PixelTimes:
    """Add so many maps of side x side, a batch at a time, and compute all figures, `turns` times.

    Every second map is of a good image, the others have one to six regions.
    """
    peak = _peak_mib()
    seconds = []
    for _ in range(turns):
        scores, spent = PixelScores(), 0.0
        for batch, masks in _batches(maps, side):
            start = time.perf_counter()
            scores.add(batch, masks)
            spent += time.perf_counter() - start
        start = time.perf_counter()
        figures = scores.figures()
        seconds.append(spent + time.perf_counter() - start)
    assert figures is not None  # noqa: S101 (of two maps one has regions)
    return PixelTimes(statistics.median(seconds), _peak_mib() - peak, figures)


def _batches(maps: int, side: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    rng = np.random.default_rng(0)
    for start in range(0, maps, _BATCH):
        count = min(_BATCH, maps - start)
        noise = rng.normal(size=(count, side, side)).astype(np.float32)
        smooth = np.stack([cv2.GaussianBlur(each, (0, 0), _SIGMA * side) for each in noise])
        masks = np.zeros(smooth.shape, bool)
        for mask in masks[1::2]:
            for _ in range(rng.integers(1, _MOST_REGIONS + 1)):
                (top, left), (height, width) = rng.integers(0, side, 2), rng.integers(2, 48, 2)
                mask[top : top + height, left : left + width] = True
        smooth[masks] += smooth.std()
        yield smooth, masks


def _peak_mib() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, else in KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
