"""Figures of heads on images they were not trained on: loss, pixel AUROC and PRO of their map.

What is measured is M_ft (Eq. 13), unsmoothed: the part of SDP+'s map that training moves. Figures
are taken per object, then averaged over objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.offline.metrics.pixel import PixelScores

_BINS = 1 << 14  # an AUROC to 1e-4 or better, at a fraction of the default's cost


@dataclass(frozen=True)
class ValidationFigures:
    """Means over objects; pixel_auroc and pro None where no object has anomalous pixels."""

    loss: float
    pixel_auroc: float | None
    pro: float | None


class ObjectMeter:
    """Collects one object's losses and maps, batch by batch."""

    def __init__(self) -> None:
        self._pixels = PixelScores(bins=_BINS)
        self._loss, self._images = 0.0, 0

    def add(self, loss: float, maps: NDArray[np.float32], masks: NDArray[np.bool_]) -> None:
        """Mean loss of a batch, its maps [B,S,S] and masks [B,S,S]."""
        self._loss += loss * len(maps)
        self._images += len(maps)
        self._pixels.add(maps, masks)

    def figures(self) -> ValidationFigures:
        """The figures of all that was added."""
        found = self._pixels.figures()
        return ValidationFigures(
            self._loss / self._images,
            None if found is None else found.auroc,
            None if found is None else found.pro,
        )


def mean_figures(objects: Sequence[ValidationFigures]) -> ValidationFigures:
    """Means over objects, those without anomalous pixels left out of the figures they lack."""
    return ValidationFigures(
        sum(each.loss for each in objects) / len(objects),
        _mean([each.pixel_auroc for each in objects]),
        _mean([each.pro for each in objects]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
