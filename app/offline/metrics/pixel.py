"""Pixel figures of one object: AUROC, F1-max, AP and PRO from maps that are gone once added.

The scores go into an ordered histogram, exact as long as its bins suffice; scikit-learn computes
the figures from its bins, each bin once as normal and once as anomalous with its pixels for a
weight. What order the pixels inside a bin had can no longer be told; the best and the worst one
bound what that may matter (`bounds.py`).

    PRO    area under the mean overlap of regions against the false positive rate, from 0 to
           0.3, over 0.3. Overlap: the share of a region's pixels above the threshold.

False positives are counted over the normal pixels of good and defective images alike. Knows
nothing of models, files or objects' names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    auc,
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
)

from app.offline.metrics import bounds
from app.offline.metrics.curves import thinned
from app.offline.metrics.figures import Curve, PixelFigures
from app.offline.metrics.histogram import Bins, Floats, ScoreHistogram
from app.offline.metrics.image import largest_f1
from app.offline.metrics.regions import region_sizes

PRO_LIMIT = 0.3
"""False positive rate at which PRO ends, as is usual."""


class PixelScores:
    """Collects maps with their masks, batch by batch, in constant memory.

    bins, buffer: see ScoreHistogram; fewer bins, wider errors.
    """

    def __init__(self, bins: int = 1 << 20, buffer: int = 1 << 20) -> None:
        self._histogram = ScoreHistogram(bins, buffer)
        self._regions = 0

    def add(self, maps: NDArray[Any], masks: NDArray[np.bool_]) -> None:
        """Maps [B,H,W] of float16 or float32, higher is more anomalous, and masks bool [B,H,W].

        Raises ValueError for shapes or types that differ from that, and for NaN.
        """
        if maps.dtype not in (np.float16, np.float32) or masks.dtype != np.bool_:
            raise ValueError(
                f"maps of {maps.dtype} and masks of {masks.dtype}: expected float16 or float32, "
                "and bool"
            )
        if maps.ndim != 3 or maps.shape != masks.shape:
            raise ValueError(
                f"maps {maps.shape} and masks {masks.shape}: expected both [B,H,W] alike"
            )
        scores = maps.astype(np.float32)
        for index, each in enumerate(scores):
            if np.isnan(each).any():
                raise ValueError(f"map {index} of the batch holds NaN: expected numbers")
        for each, mask in zip(scores, masks, strict=True):
            sizes, regions = region_sizes(mask)
            self._regions += regions
            self._histogram.add(each.ravel(), sizes.ravel())

    def figures(self) -> PixelFigures | None:
        """The figures so far; None without normal or without anomalous pixels."""
        bins = self._histogram.bins()
        if not (bins.normal.any() and bins.anomalous.any()):
            return None
        labels, ranks, weights = _weighted(bins)
        precision, recall, _ = precision_recall_curve(labels, ranks, sample_weight=weights)
        x, y = _pro(bins, self._regions)
        auroc = float(roc_auc_score(labels, ranks, sample_weight=weights))
        ap = float(average_precision_score(labels, ranks, sample_weight=weights))
        f1_max, pro = largest_f1(precision, recall), float(auc(x, y)) / PRO_LIMIT
        if bins.shift == 0:
            return PixelFigures(auroc, f1_max, ap, pro)
        return PixelFigures(
            auroc,
            f1_max,
            ap,
            pro,
            auroc_error=bounds.auroc_error(bins),
            f1_max_error=bounds.f1_max_error(bins, f1_max),
            ap_error=bounds.ap_error(bins, ap),
            pro_error=bounds.pro_error(bins, self._regions, PRO_LIMIT),
        )

    def curves(self) -> dict[str, Curve]:
        """`pixel_roc`, `pixel_pr` and `pro`, thinned; none where `figures` is None."""
        bins = self._histogram.bins()
        if not (bins.normal.any() and bins.anomalous.any()):
            return {}
        found, false = np.cumsum(bins.anomalous), np.cumsum(bins.normal)
        recall, rate = found / found[-1], false / false[-1]
        return {
            "pixel_roc": thinned(_from_zero(rate), _from_zero(recall)),
            "pixel_pr": thinned(
                _from_zero(recall), np.concatenate([[1.0], found / (found + false)])
            ),
            "pro": thinned(*_pro(bins, self._regions)),
        }


def map_auroc(scores: NDArray[Any], mask: NDArray[np.bool_]) -> float | None:
    """AUROC over the pixels of one map [H,W]; None where all are normal or all anomalous."""
    if mask.all() or not mask.any():
        return None
    # What scikit-learn answers, at a seventh of its time: this is done for every image.
    normal, anomalous = np.sort(scores[~mask]), scores[mask]
    below = np.searchsorted(normal, anomalous, "left").sum(dtype=np.int64)
    reached = np.searchsorted(normal, anomalous, "right").sum(dtype=np.int64)
    return float(below + reached) / (2 * len(normal) * len(anomalous))


def _weighted(bins: Bins) -> tuple[NDArray[np.bool_], NDArray[np.int64], Floats]:
    """Labels, scores and weights for scikit-learn. A bin's rank will do for its score."""
    count = len(bins.normal)
    ranks = np.arange(count, 0, -1)
    labels = np.repeat([False, True], count)
    return labels, np.tile(ranks, 2), np.concatenate([bins.normal, bins.anomalous])


def _pro(bins: Bins, regions: int) -> tuple[Floats, Floats]:
    """The PRO curve from 0 to the limit, interpolated there: false positive rates, overlaps."""
    false = np.cumsum(bins.normal)
    rate = _from_zero(false / false[-1])
    overlap = _from_zero(np.cumsum(bins.overlap) / regions)
    inside = int(np.searchsorted(rate, PRO_LIMIT, side="right"))
    end = np.interp(PRO_LIMIT, rate, overlap)
    return np.append(rate[:inside], PRO_LIMIT), np.append(overlap[:inside], end)


def _from_zero(values: Floats) -> Floats:
    return np.concatenate([[0.0], values])
