"""A data set under one or more methods, object by object, in memory that does not grow with it.

    samples -> two decoding threads -> batch -> each method's scorer -> its tally
    object's end: figures; the chosen cases are run once more, for their maps and pictures

All methods see the same tensors. Knows nothing of command lines, settings or reports.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.clipad.detector import AnomalyDetector
from app.clipad.multicrop import enlarged_side
from app.clipad.prompts import PromptEnsemble, prompt_ensemble
from app.offline.datasets import Dataset, Sample, Spelling
from app.offline.evaluation.cases import choose, mistakes
from app.offline.evaluation.figures import (
    Case,
    Evaluation,
    ImageScore,
    MethodEvaluation,
    ObjectEvaluation,
)
from app.offline.evaluation.loading import Loaded, Preprocessing, load_batches
from app.offline.evaluation.scorers import Scorer, make_scorers, model_facts
from app.offline.evaluation.tally import Tally

Thumbnail = NDArray[np.uint8]


@dataclass(frozen=True)
class Options:
    """What to compute.

    spelling: of objects' names in prompts. cases: images per object and method in the gallery,
    for their score and for their map each.
    """

    methods: tuple[str, ...] = ("sdp",)
    batch: int = 8
    multi_crop: bool = False
    spelling: Spelling = Spelling.WORDS
    cases: int = 4


def ensemble_of(dataset: Dataset, object: str, spelling: Spelling) -> PromptEnsemble:
    """The prompts of one of the data set's objects, in its domain's state words."""
    return prompt_ensemble(spelling.of(object), dataset.domain)


def limited(dataset: Dataset, most: int) -> Dataset:
    """At most so many good and so many anomalous samples per object, evenly over their order."""
    kept: list[Sample] = []
    for object in dataset.objects:
        samples = dataset.of(object)
        places: set[int] = set()
        for anomalous in (False, True):
            of = [index for index, each in enumerate(samples) if each.anomalous is anomalous]
            steps = np.linspace(0, len(of) - 1, min(most, len(of))).round().astype(int)
            places.update(of[step] for step in steps)
        kept += [samples[place] for place in sorted(places)]
    return replace(dataset, samples=tuple(kept))


def evaluate(
    dataset: Dataset,
    detector: AnomalyDetector,
    options: Options,
    *,
    asked: Mapping[str, object] | None = None,
    progress: Callable[[str, int, int], None] = lambda object, done, total: None,
) -> Evaluation:
    """Run every method over every sample.

    asked: put into the result as it is. progress: told the object, its images done and in all.
    Raises MethodError, ConfigurationError or ObjectNameError before any image is read, DatasetError
    for a file that cannot be read, ConfigurationError for scores that are not finite.
    """
    run = _Run(dataset, detector, options)
    for object in dataset.objects:
        progress(object, 0, len(dataset.of(object)))
        run.read(object)
    results: dict[str, list[ObjectEvaluation]] = {method: [] for method in options.methods}
    times = dict.fromkeys(options.methods, (0.0, 0.0))
    for object in dataset.objects:
        for method, (result, tally) in run.object(object, progress).items():
            results[method].append(result)
            seconds, computing = times[method]
            times[method] = seconds + tally.seconds, computing + tally.computing_s
    return Evaluation(
        layout=dataset.layout,
        root=str(dataset.root),
        digest=dataset.digest,
        domain=str(dataset.domain),
        asked=asked or {},
        methods=tuple(
            MethodEvaluation(
                method, model_facts(detector, method), tuple(results[method]), *times[method]
            )
            for method in options.methods
        ),
    )


class _Run:
    """One evaluation's fixed parts."""

    def __init__(self, dataset: Dataset, detector: AnomalyDetector, options: Options) -> None:
        self._dataset = dataset
        self._detector = detector
        self._options = options
        self._scorers = make_scorers(detector, options.methods)
        self._ensembles = {
            object: ensemble_of(dataset, object, options.spelling) for object in dataset.objects
        }
        self._texts: dict[str, Tensor] = {}
        self._preprocessing = Preprocessing(
            detector.side,
            detector.mean,
            detector.std,
            enlarged_side(detector.side) if options.multi_crop else None,
        )

    def read(self, object: str) -> None:
        """Have the object's texts encoded; a name that does not fit shows here."""
        self._texts[object] = self._detector.text_features(self._ensembles[object])

    def object(
        self, object: str, progress: Callable[[str, int, int], None]
    ) -> dict[str, tuple[ObjectEvaluation, Tally]]:
        """All methods on one object's samples."""
        samples = self._dataset.of(object)
        with_masks = self._dataset.has_masks
        tallies = {
            method: Tally(object, self._dataset.root, with_masks) for method in self._scorers
        }
        text = self._texts[object]
        done, shared = 0, 0.0
        batches = load_batches(samples, self._options.batch, self._preprocessing, masks=with_masks)
        start = time.perf_counter()
        for loaded in batches:
            shared += time.perf_counter() - start  # waiting for pictures: counted to every method
            texts = text.expand(len(loaded.samples), -1, -1)
            crops = self._crops(loaded, texts)
            for method, scorer in self._scorers.items():
                self._add(tallies[method], scorer, loaded, texts, crops)
            done += len(loaded.samples)
            progress(object, done, len(samples))
            start = time.perf_counter()
        return {
            method: (self._finish(tally, self._scorers[method], samples, text, shared), tally)
            for method, tally in tallies.items()
        }

    def _crops(self, loaded: Loaded, texts: Tensor) -> tuple[Tensor, float] | None:
        """The ten crops' share of the multi-crop score [B], and seconds: once for all methods."""
        if loaded.enlarged is None:
            return None
        start = time.perf_counter()
        nothing = torch.zeros(len(loaded.samples))
        half = self._detector.multi_crop_score(loaded.enlarged, texts, nothing)
        return half, time.perf_counter() - start

    def _add(
        self,
        tally: Tally,
        scorer: Scorer,
        loaded: Loaded,
        texts: Tensor,
        crops: tuple[Tensor, float] | None,
    ) -> None:
        start = time.perf_counter()
        found = scorer(loaded.images, texts)
        half, spent = (None, 0.0) if crops is None else crops
        multi_crop = None if half is None else half + found.text_score / 2
        tally.computing_s += time.perf_counter() - start + spent
        tally.add(loaded.samples, found, loaded.masks, multi_crop)
        tally.seconds += time.perf_counter() - start + spent

    def _finish(
        self, tally: Tally, scorer: Scorer, samples: Sequence[Sample], text: Tensor, shared: float
    ) -> ObjectEvaluation:
        start = time.perf_counter()
        scores = tally.scores()
        cases = tuple(self._cases(scorer, samples, scores, text))
        result = tally.result(scores, cases)
        tally.seconds += shared + time.perf_counter() - start
        return result

    def _cases(
        self, scorer: Scorer, samples: Sequence[Sample], scores: Sequence[ImageScore], text: Tensor
    ) -> list[Case]:
        chosen = choose(scores, self._options.cases)
        wrong = mistakes(scores)
        plain = replace(self._preprocessing, enlarged=None)
        again = load_batches(
            [samples[index] for index, _ in chosen],
            self._options.batch,
            plain,
            masks=self._dataset.has_masks,
        )
        seen: list[tuple[Thumbnail, NDArray[np.float16], NDArray[np.bool_] | None]] = []
        for loaded in again:
            found = scorer(loaded.images, text.expand(len(loaded.samples), -1, -1))
            planes = found.maps.to(torch.float16).numpy()
            for index, plane in enumerate(planes):
                mask = None if loaded.masks is None else loaded.masks[index]
                seen.append((self._thumbnail(loaded.images[index]), plane, mask))
        return [
            Case(scores[index], why, wrong[index], *shown)
            for (index, why), shown in zip(chosen, seen, strict=True)
        ]

    def _thumbnail(self, image: Tensor) -> Thumbnail:
        """What the model saw, [3,S,S], as a picture again."""
        mean, std = (
            torch.tensor(of).view(3, 1, 1) for of in (self._detector.mean, self._detector.std)
        )
        pixels = ((image * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
        return pixels.permute(1, 2, 0).contiguous().numpy()
