"""Image figures: AUROC, F1-max and AP of one score per image, by scikit-learn.

    raw      text + map, as served
    paper    (text - min) / (max - min) + the same of map, over all images given

Knows nothing of models or files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from app.offline.metrics.curves import thinned
from app.offline.metrics.figures import Curve, ImageFigures
from app.offline.metrics.histogram import Floats


def paper_scores(text: NDArray[Any], peaks: NDArray[Any]) -> Floats:
    """Text parts [N] and maps' maxima [N] of one object's whole set -> scores [N] in [0,2].

    A part that is the same for all images tells nothing and counts 0.
    """
    return _scaled(text) + _scaled(peaks)


def image_figures(labels: NDArray[np.bool_], scores: NDArray[Any]) -> ImageFigures | None:
    """Labels [N], True for anomalous, and scores [N]; None where one class is missing."""
    if labels.all() or not labels.any():
        return None
    precision, recall, _ = precision_recall_curve(labels, scores)
    return ImageFigures(
        auroc=float(roc_auc_score(labels, scores)),
        f1_max=largest_f1(precision, recall),
        ap=float(average_precision_score(labels, scores)),
    )


def image_curves(labels: NDArray[np.bool_], scores: NDArray[Any]) -> dict[str, Curve]:
    """`image_roc` and `image_pr`, thinned; none where one class is missing."""
    if labels.all() or not labels.any():
        return {}
    rate, reached, _ = roc_curve(labels, scores)
    precision, recall, _ = precision_recall_curve(labels, scores)
    return {
        "image_roc": thinned(rate, reached),
        "image_pr": thinned(recall[::-1], precision[::-1]),
    }


def largest_f1(precision: NDArray[Any], recall: NDArray[Any]) -> float:
    """Largest 2 P R / (P + R) over the points of a curve; 0 where both are 0."""
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    return float(f1.max())


def _scaled(values: NDArray[Any]) -> Floats:
    wide = np.asarray(values, np.float64)
    low, high = wide.min(), wide.max()
    return (wide - low) / (high - low) if high > low else np.zeros_like(wide)
