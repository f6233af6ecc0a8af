"""What the metrics answer with: numbers, their error bounds, and thinned curves.

All figures are fractions in [0,1], not per cent.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Curve:
    """Points (x[i], y[i]), x rising; at most 500 of them, to be joined by straight lines."""

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class ImageFigures:
    """Good against anomalous images: area under ROC, largest F1, average precision."""

    auroc: float
    f1_max: float
    ap: float


@dataclass(frozen=True)
class PixelFigures:
    """Normal against anomalous pixels over all maps of one object; pro: per region, FPR to 0.3.

    Each `*_error` bounds the distance to the figure of the unbinned float32 scores; 0 where
    nothing had to be binned.
    """

    auroc: float
    f1_max: float
    ap: float
    pro: float
    auroc_error: float = 0.0
    f1_max_error: float = 0.0
    ap_error: float = 0.0
    pro_error: float = 0.0
