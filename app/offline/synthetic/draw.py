"""Seeded random settings, with sub-ranges that training never uses.

Every appearance setting (a hue, a yarn width, the size of a scratch, the strength of a light
gradient) is drawn through `Draw.setting`. Its range is cut into disjoint sub-ranges: training and
validation draw from one part, the benchmark from the other. So a benchmark image does not merely
have another seed: each of its settings lies where training never was. Positions, angles and noise
are free (`Draw.free`), they carry no information to overfit.

This file knows nothing of images.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.offline.choices import Split

T = TypeVar("T")
Array = NDArray[np.floating[Any]]


RESERVED = ((0.15, 0.25), (0.60, 0.75))
"""Parts of every setting's range, as fractions of it, which only the benchmark may use."""

OPEN = ((0.0, 0.15), (0.25, 0.60), (0.75, 1.0))
"""The other parts: training and validation."""


class Draw:
    """A random source for one image pair: settings by split, everything else free."""

    def __init__(self, seed: int, name: str, split: Split) -> None:
        order = list(Split).index(split)
        self.rng = np.random.default_rng([seed, zlib.crc32(name.encode()), order])
        self._parts = RESERVED if split is Split.BENCHMARK else OPEN

    def setting(self, low: float, high: float) -> float:
        """An appearance setting in [low, high], from the sub-ranges of this split."""
        widths = [end - start for start, end in self._parts]
        at = float(self.rng.uniform(0.0, sum(widths)))
        for (start, _), width in zip(self._parts, widths, strict=True):
            if at <= width:
                return low + (high - low) * (start + at)
            at -= width
        return low + (high - low) * self._parts[-1][1]

    def free(self, low: float, high: float) -> float:
        """A number in [low, high) without reserved parts: positions, angles, phases."""
        return float(self.rng.uniform(low, high))

    def integer(self, low: int, high: int) -> int:
        """An integer in low..high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self.rng.random() < probability)

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.rng.integers(len(items)))]

    def normal(self, *shape: int) -> Array:
        """Standard normal noise of the given shape, float32."""
        return self.rng.standard_normal(shape, dtype=np.float32)

    def uniforms(self, *shape: int) -> Array:
        """Uniform noise in [0, 1) of the given shape, float32."""
        return self.rng.random(shape, dtype=np.float32)
