"""Figures of a detector on generated pairs, and on plain good and defective picture lists.

Everything goes through the served `AnomalyDetector` (SDP, its own RVS), with pictures that were
never augmented. Beside each figure stands what darkness alone would give: the score of a picture
is then minus its darkest blurred pixel, its map minus its blurred brightness. Knows nothing of
how the backbone was trained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from app.clipad.detector import AnomalyDetector
from app.images.tensors import to_tensor
from app.offline.synthetic import Pair

Pixels = NDArray[np.uint8]
Map = NDArray[np.floating[Any]]
_DARK_SIGMA = 4.0


@dataclass(frozen=True)
class Scored:
    """One picture's outcome: image score, map [S,S]; and the same from darkness alone."""

    score: float
    map: Map
    dark_score: float
    dark_map: Map


@dataclass(frozen=True)
class ScoredPair:
    """A pair's two outcomes with what is true of it."""

    good: Scored
    defective: Scored
    mask: NDArray[np.bool_]
    kind: str
    group: str
    defect: str


def score_pictures(
    detector: AnomalyDetector, pictures: Sequence[Pixels], names: Sequence[str]
) -> list[Scored]:
    """Pictures [S,S,3] uint8 of the detector's side, with their object names."""
    batch = [
        to_tensor(Image.fromarray(picture), detector.side, detector.mean, detector.std)
        for picture in pictures
    ]
    found = detector.predict(torch.stack(batch), names)
    results = []
    for index, picture in enumerate(pictures):
        grey = picture.mean(axis=2).astype(np.float32) / 255
        dark = -np.asarray(cv2.GaussianBlur(grey, (0, 0), _DARK_SIGMA))
        results.append(
            Scored(float(found.score[index]), found.maps[index].numpy(), float(dark.max()), dark)
        )
    return results


def score_pairs(
    detector: AnomalyDetector, pairs: Iterable[Pair], batch: int = 8
) -> list[ScoredPair]:
    """Both pictures of every pair, `batch` pairs at a time."""
    results: list[ScoredPair] = []
    waiting: list[Pair] = []

    def flush() -> None:
        pictures = [p.good for p in waiting] + [p.defective for p in waiting]
        scored = score_pictures(detector, pictures, [p.object_name for p in waiting] * 2)
        for index, pair in enumerate(waiting):
            results.append(
                ScoredPair(
                    scored[index], scored[len(waiting) + index],
                    pair.mask, pair.kind, pair.group, pair.defect,
                )
            )  # fmt: skip
        waiting.clear()

    for pair in pairs:
        waiting.append(pair)
        if len(waiting) == batch:
            flush()
    if waiting:
        flush()
    return results


def image_auroc(good: Sequence[float], defective: Sequence[float]) -> float:
    """AUROC of scores of good against defective pictures."""
    labels = [0] * len(good) + [1] * len(defective)
    return float(roc_auc_score(labels, [*good, *defective]))


def pixel_auroc(maps: Sequence[Map], masks: Sequence[NDArray[np.bool_]]) -> float:
    """AUROC over all pixels of all maps; at least one mask must hold damage."""
    return float(roc_auc_score(np.stack(masks).ravel(), np.stack(maps).ravel()))


def summary(pairs: Sequence[ScoredPair]) -> dict[str, Any]:
    """Figures of one group of kinds.

    image_auroc is pooled over the group; pixel_auroc is the mean over kinds, each over all pixels
    of its good and defective pictures; win_rate is the share of pairs whose damaged picture scores
    above its own good twin. `per_kind` and `per_defect` hold the same, the latter without pixels.
    """
    kinds: dict[str, list[ScoredPair]] = defaultdict(list)
    defects: dict[str, list[ScoredPair]] = defaultdict(list)
    for pair in pairs:
        kinds[pair.kind].append(pair)
        defects[pair.defect].append(pair)
    per_kind = {kind: {**_image_figures(of), **_pixel_figures(of)} for kind, of in kinds.items()}
    return {
        "pairs": len(pairs),
        **_image_figures(pairs),
        **{
            name: round(float(np.mean([figures[name] for figures in per_kind.values()])), 4)
            for name in ("pixel_auroc", "darkness_pixel_auroc")
        },
        "per_kind": per_kind,
        "per_defect": {defect: _image_figures(of) for defect, of in sorted(defects.items())},
    }


def _image_figures(pairs: Sequence[ScoredPair]) -> dict[str, float]:
    wins = [pair.defective.score > pair.good.score for pair in pairs]
    figures = {
        "image_auroc": image_auroc(
            [pair.good.score for pair in pairs], [pair.defective.score for pair in pairs]
        ),
        "win_rate": float(np.mean(wins)),
        "darkness_image_auroc": image_auroc(
            [pair.good.dark_score for pair in pairs], [pair.defective.dark_score for pair in pairs]
        ),
    }
    return {name: round(value, 4) for name, value in figures.items()}


def _pixel_figures(pairs: Sequence[ScoredPair]) -> dict[str, float]:
    masks = [pair.mask for pair in pairs]
    truth = [*(np.zeros_like(mask) for mask in masks), *masks]
    figures = {
        "pixel_auroc": pixel_auroc(
            [*(pair.good.map for pair in pairs), *(pair.defective.map for pair in pairs)], truth
        ),
        "darkness_pixel_auroc": pixel_auroc(
            [*(p.good.dark_map for p in pairs), *(p.defective.dark_map for p in pairs)], truth
        ),
    }
    return {name: round(value, 4) for name, value in figures.items()}
