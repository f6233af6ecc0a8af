"""How far the figures of a histogram may lie from those of the scores behind it.

Inside a bin the order of the pixels, ties included, is unknown. Whatever it was, a curve passes
through the same points at the bins' edges and rises between them; so the best order (anomalous
pixels first) and the worst (normal ones first) bound each figure. With N, P normal and anomalous
pixels and, of bin b, n, p its own and F, T those of all higher bins:

    AUROC    sum_b n p / (2 N P): half of the pairs that the bins do not tell apart
    AP       a bin's p terms: at most (T+p) / (T+p+F) each; the i-th at least
             (T+i) / (T+i+F+n), concave in i, so at least the mean of the first and the last
    F1-max   at most the largest 2 (T+p) / (T+p+F+P) of a bin, at least the one found
    PRO      sum of (step along x) (step along y) / 2 up to the limit, twice that in its bin

Rounding of float64 sums, some 1e-12, is not included. Knows nothing of how bins were made.
"""

from __future__ import annotations

import numpy as np

from app.offline.metrics.histogram import Bins, Floats


def auroc_error(bins: Bins) -> float:
    """Largest distance to the exact AUROC."""
    pairs = bins.normal.sum() * bins.anomalous.sum()
    return float(bins.normal @ bins.anomalous / (2 * pairs))


def ap_error(bins: Bins, ap: float) -> float:
    """Largest distance of `ap`, computed from the bins, to the exact average precision."""
    p, n = bins.anomalous, bins.normal
    found, false = _before(p), _before(n)
    total = p.sum()
    some = p > 0
    p, n, found, false = p[some], n[some], found[some], false[some]
    best = p * (found + p) / (found + p + false)
    first = (found + 1) / (found + 1 + false + n)
    last = (found + p) / (found + p + false + n)
    worst = p * (first + last) / 2
    return max(0.0, float(best.sum() / total) - ap, ap - float(worst.sum() / total))


def f1_max_error(bins: Bins, f1_max: float) -> float:
    """Largest distance of `f1_max`, computed from the bins, to the exact largest F1."""
    reached, false = np.cumsum(bins.anomalous), _before(bins.normal)
    best = 2 * reached / (reached + false + reached[-1])
    return max(0.0, float(best.max()) - f1_max)


def pro_error(bins: Bins, regions: int, limit: float) -> float:
    """Largest distance to the exact PRO up to the false positive rate `limit`."""
    rate = np.cumsum(bins.normal) / bins.normal.sum()
    dx = np.clip(np.diff(rate, prepend=0.0), 0.0, None)
    dx = np.minimum(dx, np.clip(limit - (rate - dx), 0.0, None))
    dy = bins.overlap / regions
    crossing = rate > limit
    return float((dx * dy * np.where(crossing, 1.0, 0.5)).sum() / limit)


def _before(counts: Floats) -> Floats:
    """Sum over all higher bins."""
    return np.cumsum(counts) - counts
