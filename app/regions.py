"""Anomaly map and threshold -> where: the areas above it, as boxes in the input's pixels.

Regions only show where to look; the score alone decides. Knows nothing of colours, calibration
or HTTP.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MOST = 100
_EIGHT_NEIGHBOURS = np.ones((3, 3), np.bool_)


@dataclass(frozen=True)
class Region:
    """One 8-connected area of the map above the threshold.

    box: (x0, y0, x1, y1) in pixels of the input, half-open. area: its share of the map, in (0,1].
    peak: the map's greatest value in it.
    """

    box: tuple[int, int, int, int]
    area: float
    peak: float


def regions(
    anomaly: NDArray[np.float32],
    threshold: float,
    size: tuple[int, int],
    inside: NDArray[np.bool_] | None = None,
) -> list[Region]:
    """The areas of a map [S,S] strictly above the threshold, highest peak first, 100 at most.

    size: (width, height) of the upright input. inside: bool [S,S], where the map counts; None is
    everywhere. Boxes are rounded outwards, so that they are never empty and hold all of an area;
    of equal peaks the larger area comes first.
    """
    side = anomaly.shape[0]
    # In float64: float32 would round the threshold, and a value just above it might go missing.
    above = anomaly > np.float64(threshold)
    if inside is not None:
        above &= inside
    labels, count = ndimage.label(above, _EIGHT_NEIGHBOURS)
    if not count:
        return []
    peaks = np.asarray(ndimage.maximum(anomaly, labels, np.arange(1, count + 1)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = ndimage.find_objects(labels)
    highest = np.lexsort((-areas, -peaks))[:MOST]
    return [
        Region(_box(boxes[k], side, size), float(areas[k] / side**2), float(peaks[k]))
        for k in highest
    ]


def _box(place: tuple[slice, slice], side: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Rows and columns of the map -> half-open box of the input; in integers, so exactly."""
    (rows, columns), (width, height) = place, size
    return (
        columns.start * width // side,
        rows.start * height // side,
        -(-columns.stop * width // side),
        -(-rows.stop * height // side),
    )
