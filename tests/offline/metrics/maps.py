"""Random maps with masks, and PRO the slow way: an implementation with nothing in common."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

Maps = NDArray[np.float32]
Masks = NDArray[np.bool_]


def random_maps(seed: int, count: int = 6, side: int = 32) -> tuple[Maps, Masks]:
    """Smooth maps [count,side,side], higher on the masks' one to four boxes; the first is good."""
    rng = np.random.default_rng(seed)
    maps = gaussian_filter(rng.normal(size=(count, side, side)), (0, 2, 2))
    masks = np.zeros(maps.shape, bool)
    for mask in masks[1:]:
        for _ in range(rng.integers(1, 5)):
            top, left = rng.integers(0, side - 2, 2)
            height, width = rng.integers(1, side // 3, 2)
            mask[top : top + height, left : left + width] = True
    maps[masks] += 0.15
    return maps.astype(np.float32), masks


def slow_pro(maps: NDArray[Any], masks: Masks, limit: float = 0.3) -> float:
    """Every distinct score a threshold, every region by itself, trapezoids between."""
    regions = []
    for index, mask in enumerate(masks):
        labels, count = label(mask, structure=np.ones((3, 3)))
        regions += [maps[index][labels == each] for each in range(1, count + 1)]
    normal = maps[~masks]
    points = [(0.0, 0.0)]
    for threshold in np.unique(maps)[::-1]:
        overlaps = [np.mean(region >= threshold) for region in regions]
        points.append((float(np.mean(normal >= threshold)), float(np.mean(overlaps))))
    area = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 >= limit:
            break
        if x1 > limit:
            y1 = y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
            x1 = limit
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit
