"""Which figures are shown, in which order: pixels first, then images under each protocol.

The paper's order (Table 1): segmentation AUROC F1 AP PRO, classification AUROC F1 AP.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.offline.evaluation.figures import IMAGE_PROTOCOLS, Evaluation
from app.offline.metrics.figures import ImageFigures, PixelFigures

PIXEL = "pixel"
METRICS = {"auroc": "AUROC", "f1_max": "F1", "ap": "AP", "pro": "PRO"}
SOURCES = {
    PIXEL: "Pixel",
    "raw": "Image, raw",
    "paper": "Image, paper",
    "multi_crop": "Image, multi-crop",
}
_ALWAYS = (PIXEL, "raw", "paper")


class Figured(Protocol):
    """What has figures: an object's evaluation, or a method's, which are means over objects."""

    @property
    def image(self) -> Mapping[str, ImageFigures] | None: ...

    @property
    def pixel(self) -> PixelFigures | None: ...


@dataclass(frozen=True)
class Column:
    """One figure. source: `pixel` or a protocol of IMAGE_PROTOCOLS; metric: a figure's field."""

    source: str
    metric: str

    @property
    def label(self) -> str:
        """The metric as the paper writes it."""
        return METRICS[self.metric]

    def of(self, row: Figured) -> float | None:
        """The figure, a fraction in [0,1]; None where it is not defined."""
        return self._field(row, self.metric)

    def error(self, row: Figured) -> float | None:
        """The bound on a pixel figure's error, a fraction; None for image figures."""
        return self._field(row, f"{self.metric}_error") if self.source == PIXEL else None

    def _field(self, row: Figured, name: str) -> float | None:
        figures = row.pixel if self.source == PIXEL else (row.image or {}).get(self.source)
        value = None if figures is None else float(getattr(figures, name))
        return value if value is not None and math.isfinite(value) else None


def columns_of(source: str) -> tuple[Column, ...]:
    """The columns of one source: PRO is the pixels' alone."""
    return tuple(Column(source, m) for m in METRICS if source == PIXEL or m != "pro")


def sources_of(evaluation: Evaluation) -> tuple[str, ...]:
    """`pixel` and the protocols to show: those asked for only where an object has them."""
    have = {
        protocol
        for method in evaluation.methods
        for each in method.objects
        for protocol in each.image or {}
    }
    return (PIXEL, *(p for p in IMAGE_PROTOCOLS if p in _ALWAYS or p in have))


def shown_columns(evaluation: Evaluation) -> tuple[Column, ...]:
    """All columns of an evaluation's tables."""
    return tuple(column for source in sources_of(evaluation) for column in columns_of(source))


def difference(column: Column, row: Figured, base: Figured) -> float | None:
    """row - base, a fraction in [-1,1]; None where one of the two is not defined."""
    mine, other = column.of(row), column.of(base)
    return None if mine is None or other is None else mine - other
