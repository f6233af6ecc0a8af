"""The same picture alone and in a batch: how far its figures move, and how often its decision does.

Every picture is computed by itself and once together with others that chance brings, in groups of
all sizes. Then each score that a good picture got alone is taken for a threshold:

    own    the picture whose score the threshold is: alone it ties, and is not anomalous
    any    every picture against every such threshold

and the two decisions are compared, of plain scores and of rounded ones. Knows nothing of where
pictures come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.clipad.detector import AnomalyDetector
from app.rounding import rounded

Figures = NDArray[np.float64]
_PARTS = ("score", "text", "map")
_rounded = np.vectorize(rounded, otypes=[np.float64])


@dataclass(frozen=True)
class Company:
    """Figures [N,2] of N pictures, text part and map's maximum, alone and in a batch."""

    alone: Figures
    together: Figures

    def largest(self) -> dict[str, float]:
        """Largest differences of the plain score and its two parts."""
        scores = self.together.sum(1) - self.alone.sum(1)
        parts = np.column_stack([scores, self.together - self.alone])
        return dict(zip(_PARTS, np.abs(parts).max(0).tolist(), strict=True))

    def shares(self, good: NDArray[np.bool_], *, rounding: bool) -> Shares:
        """How often the decisions differ; good [N]: whose scores are the thresholds."""
        alone, together = (
            (_rounded(figures) if rounding else figures).sum(1)
            for figures in (self.alone, self.together)
        )
        thresholds = alone[good]
        differ = (alone[:, None] > thresholds) != (together[:, None] > thresholds)
        return Shares(
            figures=float((alone != together).mean()),
            own=float((together[good] > thresholds).mean()),
            any=float(differ.mean()),
        )


@dataclass(frozen=True)
class Shares:
    """figures: of the pictures whose score differs at all. own, any: of the decisions, see above.

    own is of the good pictures, any of all pairs of a picture and a threshold.
    """

    figures: float
    own: float
    any: float


def in_company(
    detector: AnomalyDetector,
    picture: Callable[[int], Tensor],
    count: int,
    text: Tensor,
    method: str,
    sizes: Sequence[int],
    seed: int = 0,
) -> Company:
    """picture: the i-th of `count` pictures, [3,S,S]; text [D,2] of all of them. sizes: of the
    groups, in turn; the last one may be smaller.
    """
    figures = np.zeros((2, count, 2))
    for places in _groups(np.random.default_rng(seed).permutation(count), sizes):
        images = torch.stack([picture(int(place)) for place in places])
        for place, image in zip(places, images, strict=True):
            figures[0, place] = _figures(detector, image[None], text, method)
        figures[1, places] = _figures(detector, images, text, method)
    return Company(figures[0], figures[1])


def _groups(order: NDArray[np.int64], sizes: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    start, turn = 0, 0
    while start < len(order):
        end = start + sizes[turn % len(sizes)]
        yield order[start:end]
        start, turn = end, turn + 1


def _figures(detector: AnomalyDetector, images: Tensor, text: Tensor, method: str) -> Figures:
    found = detector.detect(images, text.expand(len(images), -1, -1), method)
    return torch.stack([found.text_score, found.map_score], 1).double().numpy()
