"""One object under one method: what is kept of each image, and the figures of them all.

Per image a few numbers, per pixel a place in the histogram; maps are gone once added. Knows
nothing of models or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.clipad.detector import Detection
from app.errors import ConfigurationError
from app.offline.datasets import Sample
from app.offline.evaluation.figures import Case, ImageScore, ObjectEvaluation
from app.offline.metrics.image import image_curves, image_figures, paper_scores
from app.offline.metrics.pixel import PixelScores, map_auroc


class Tally:
    """Collects an object's detections, batch by batch."""

    def __init__(self, object: str, root: Path, with_masks: bool) -> None:
        self.object = object
        self.computing_s = 0.0
        self.seconds = 0.0
        self._root = root
        self._pixels = PixelScores() if with_masks else None
        self._samples: list[Sample] = []
        self._parts: list[tuple[float, float]] = []  # text, map
        self._multi_crop: list[float] = []
        self._map_aurocs: list[float | None] = []

    def add(
        self,
        samples: Sequence[Sample],
        found: Detection,
        masks: NDArray[np.bool_] | None,
        multi_crop: Tensor | None = None,
    ) -> None:
        """B samples with their Detection, masks bool [B,S,S] and ten-crop scores [B].

        Raises ConfigurationError, naming the image, for scores that are not finite.
        """
        for sample, plane, score in zip(samples, found.maps, found.score, strict=True):
            if not (torch.isfinite(plane).all() and torch.isfinite(score)):
                raise ConfigurationError(
                    f"{sample.image}: the model's scores are not finite; expected numbers, try "
                    "dtype float32"
                )
        planes = found.maps.numpy()
        if self._pixels is not None and masks is not None:
            self._pixels.add(planes, masks)
            self._map_aurocs += [map_auroc(*each) for each in zip(planes, masks, strict=True)]
        else:
            self._map_aurocs += [None] * len(samples)
        self._samples += samples
        parts = zip(found.text_score.tolist(), found.map_score.tolist(), strict=True)
        self._parts += parts
        if multi_crop is not None:
            self._multi_crop += multi_crop.tolist()

    def scores(self) -> tuple[ImageScore, ...]:
        """One per image, in the order in which they were added."""
        parts = np.array(self._parts)
        papers = paper_scores(parts[:, 0], parts[:, 1])
        multi_crop: Sequence[float | None] = self._multi_crop or [None] * len(self._samples)
        return tuple(
            ImageScore(
                path=sample.image.relative_to(self._root).as_posix(),
                object=sample.object,
                kind=sample.kind,
                anomalous=sample.anomalous,
                text=text,
                map=peak,
                raw=text + peak,
                paper=float(paper),
                multi_crop=crops,
                map_auroc=auroc,
            )
            for sample, (text, peak), paper, crops, auroc in zip(
                self._samples, self._parts, papers, multi_crop, self._map_aurocs, strict=True
            )
        )

    def result(self, scores: tuple[ImageScore, ...], cases: tuple[Case, ...]) -> ObjectEvaluation:
        """The object's figures and curves, with its scores and cases."""
        labels = np.array([score.anomalous for score in scores])
        protocols = {
            "raw": np.array([score.raw for score in scores]),
            "paper": np.array([score.paper for score in scores]),
        }
        if self._multi_crop:
            protocols["multi_crop"] = np.array(self._multi_crop)
        figures = {name: image_figures(labels, of) for name, of in protocols.items()}
        defined = {name: of for name, of in figures.items() if of is not None}
        pixel_curves = {} if self._pixels is None else self._pixels.curves()
        return ObjectEvaluation(
            object=self.object,
            images=len(scores),
            anomalous=int(labels.sum()),
            image=defined or None,
            pixel=None if self._pixels is None else self._pixels.figures(),
            curves={**image_curves(labels, protocols["raw"]), **pixel_curves},
            scores=scores,
            cases=cases,
        )
