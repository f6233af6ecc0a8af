"""Whether pictures look like masks: of a few values alone, where pictures of parts have many.

Judged by some of a folder's pictures. What cannot be decoded looks like nothing. Knows no layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import InputError
from app.images.reading import decode_image
from app.offline.datasets.pictures import LIMITS

_LOOKED_AT = 5  # pictures of a folder, spread evenly
_PIXELS = 1_000_000  # of one picture, on a grid
_COLOURS = 16  # of label maps; a camera's noise has more
_DARK, _LIGHT = 24, 231  # a JPEG's edges ring, and soft edges lie between
_SHARE = 0.97


def look_like_masks(pictures: Sequence[Path]) -> bool:
    """Whether all have a few values alone, and one of them at least two: it marks something."""
    seen = [_values(path) for path in _some(pictures)]
    return all(seen) and any(values > 1 for values in seen)


def have_few_values(pictures: Sequence[Path]) -> bool:
    """Whether all have a few values alone, perhaps one: drawn, or masks."""
    return all(_values(path) for path in _some(pictures))


def _some(pictures: Sequence[Path]) -> list[Path]:
    if len(pictures) <= _LOOKED_AT:
        return list(pictures)
    return [pictures[k * (len(pictures) - 1) // (_LOOKED_AT - 1)] for k in range(_LOOKED_AT)]


def _values(path: Path) -> int:
    """How many values a picture has where they are few: 1, or 2 for more. 0 where they are many."""
    try:
        image = decode_image(path.read_bytes(), LIMITS)
    except (InputError, OSError):
        return 0
    step = max(1, round((image.width * image.height / _PIXELS) ** 0.5))
    pixels: NDArray[np.uint8] = np.asarray(image)[::step, ::step]
    colours = pixels.astype(np.uint32) @ np.array([1, 256, 65536], np.uint32)
    few = len(np.unique(colours))
    if few <= _COLOURS:
        return min(few, 2)
    grey = pixels.max(axis=-1)
    dark, light = np.mean(grey <= _DARK), np.mean(grey >= _LIGHT)
    if dark + light < _SHARE:
        return 0
    return 2 if dark and light else 1
