"""What another runtime changes in scores and figures, on generated pairs of the demo's kinds.

Every detector sees the same pictures: of each kind that the demo backbone was trained on, pairs
of the benchmark's split, good and damaged. Knows nothing of how a detector is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from app.clipad.detector import AnomalyDetector
from app.images.tensors import to_tensor
from app.offline.choices import Split
from app.offline.metrics.pixel import PixelScores
from app.offline.synthetic import Pair, generate_pair
from app.offline.synthetic.kinds import TRAINED

_FIRST_SEED = 9_000_000
_BATCH = 4  # pairs


@dataclass(frozen=True)
class Scores:
    """A detector's outcome: image scores, and figures in points (image AUROC: the kinds' mean)."""

    scores: NDArray[np.float32]
    image_auroc: float
    pixel_auroc: float

    def drift(self, reference: Scores) -> tuple[float, float]:
        """Mean and largest difference of the image scores."""
        difference = np.abs(self.scores - reference.scores)
        return float(difference.mean()), float(difference.max())


def demo_pairs(per_kind: int) -> list[Pair]:
    """So many pairs of every kind."""
    seeds = range(_FIRST_SEED, _FIRST_SEED + per_kind)
    return [generate_pair(kind, seed, Split.BENCHMARK) for kind in TRAINED for seed in seeds]


def score_demo(detector: AnomalyDetector, method: str, pairs: Sequence[Pair]) -> Scores:
    """Score both pictures of every pair."""
    scores: list[NDArray[np.float32]] = []
    pixels = PixelScores()
    for start in range(0, len(pairs), _BATCH):
        part = pairs[start : start + _BATCH]
        images = [
            to_tensor(Image.fromarray(picture), detector.side, detector.mean, detector.std)
            for pair in part
            for picture in (pair.good, pair.defective)
        ]
        names = [pair.object_name for pair in part for _ in range(2)]
        found = detector.predict(torch.stack(images), names, method)
        scores.append(found.score.numpy())
        masks = [mask for pair in part for mask in (np.zeros_like(pair.mask), pair.mask)]
        pixels.add(found.maps.numpy(), np.stack(masks))
    figures = pixels.figures()
    assert figures is not None  # noqa: S101 (half of the pictures are damaged)
    every = np.concatenate(scores)
    return Scores(every, 100 * _image_auroc(every, pairs), 100 * figures.auroc)


def _image_auroc(scores: NDArray[np.float32], pairs: Sequence[Pair]) -> float:
    kinds = np.repeat([pair.kind for pair in pairs], 2)
    damaged = np.tile([False, True], len(pairs))
    aurocs = [roc_auc_score(damaged[kinds == kind], scores[kinds == kind]) for kind in set(kinds)]
    return float(np.mean(aurocs))
