"""Which images go into the gallery: the worst mistakes, and the anomalies located worst.

Scores are compared only once an object's last image is in. So nothing but numbers is kept of each
image, and the few that were chosen are looked at again: exact, and in memory that does not grow
with the data set. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.offline.evaluation.figures import ImageScore

Choice = tuple[int, Literal["score", "map"]]
"""An image by its place, and what it was chosen for."""


def mistakes(scores: Sequence[ImageScore]) -> list[float | None]:
    """Per image the share of the other class on its wrong side; see `Case.mistake`."""
    good = np.sort([score.raw for score in scores if not score.anomalous])
    anomalous = np.sort([score.raw for score in scores if score.anomalous])
    if not len(good) or not len(anomalous):
        return [None] * len(scores)
    return [
        1 - _share_below(good, score.raw)
        if score.anomalous
        else float(np.searchsorted(anomalous, score.raw, side="right")) / len(anomalous)
        for score in scores
    ]


def choose(scores: Sequence[ImageScore], each: int) -> list[Choice]:
    """At most `each` images for their score and as many for their map, worst first.

    Of equal mistakes the one that scores further on the wrong side comes first. Maps are ranked
    by the AUROC of their own pixels, where it is defined.
    """
    wrong = mistakes(scores)
    by_score = [(index, share) for index, share in enumerate(wrong) if share is not None]
    by_score.sort(key=lambda pair: (-pair[1], _side(scores[pair[0]])))
    by_map = [
        (index, score.map_auroc)
        for index, score in enumerate(scores)
        if score.map_auroc is not None
    ]
    by_map.sort(key=lambda pair: pair[1])
    return [
        *((index, "score") for index, _ in by_score[:each]),
        *((index, "map") for index, _ in by_map[:each]),
    ]


def _share_below(values: NDArray[np.float64], score: float) -> float:
    return float(np.searchsorted(values, score, side="left")) / len(values)


def _side(score: ImageScore) -> float:
    return score.raw if score.anomalous else -score.raw
