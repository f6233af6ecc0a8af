"""Crops of three photographs bundled with scikit-image: never trained on, reported apart.

Each function returns a good surface [side, side, 3], float32, 0..1. Brick, grass and gravel come
from one photograph each, so these figures say little beyond those photographs.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import skimage.data

from app.offline.synthetic.draw import Array, Draw
from app.offline.synthetic.fields import resized


@cache
def _photograph(name: str) -> Array:
    return np.asarray(getattr(skimage.data, name)(), np.float32) / 255.0


def _crop(draw: Draw, side: int, name: str) -> Array:
    photograph = _photograph(name)
    height, width = photograph.shape
    size = min(round(draw.setting(200, 400)), height, width)
    top, left = draw.integer(0, height - size), draw.integer(0, width - size)
    grey = resized(photograph[top : top + size, left : left + size], side, side)
    return np.repeat(np.clip(grey, 0, 1)[..., None], 3, axis=2)


def brick(draw: Draw, side: int) -> Array:
    """A brick wall."""
    return _crop(draw, side, "brick")


def grass(draw: Draw, side: int) -> Array:
    """A lawn from above."""
    return _crop(draw, side, "grass")


def gravel(draw: Draw, side: int) -> Array:
    """Loose stones."""
    return _crop(draw, side, "gravel")
