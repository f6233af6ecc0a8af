"""What calibrations are worth, measured on generated pictures no model was trained on.

`coverage`: whether fresh calibrations alarm as often as `app.calibration` says, no more and no
less. `power`: which share of each defect a calibrated category rejects. The pictures are scored
as the service scores them; knows nothing of servers or of how a detector is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from app.calibration import Calibration, expected_rate, rate_95
from app.clipad.detector import AnomalyDetector
from app.images.tensors import to_tensor
from app.offline.synthetic import DEFECTS, Split, generate_pair

_FIRST_SEED = 40_000_000
_BATCH = 16

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """One generated picture: a good one, or with `defect` that of its damaged twin."""

    kind: str
    seed: int
    defect: str | None = None


class _Pictures(Dataset[Tensor]):
    """Subjects as preprocessed pixels [3,S,S]."""

    def __init__(self, subjects: Sequence[Subject], detector: AnomalyDetector) -> None:
        self._subjects = subjects
        self._side, self._mean, self._std = detector.side, detector.mean, detector.std

    def __len__(self) -> int:
        return len(self._subjects)

    def __getitem__(self, place: int) -> Tensor:
        subject = self._subjects[place]
        pair = generate_pair(subject.kind, subject.seed, Split.BENCHMARK, subject.defect)
        picture = pair.good if subject.defect is None else pair.defective
        return to_tensor(Image.fromarray(picture), self._side, self._mean, self._std)


def score(
    detector: AnomalyDetector, kind: str, subjects: Sequence[Subject], method: str, workers: int
) -> Scores:
    """The anomaly scores [N] of subjects of one kind, drawn by so many processes beside."""
    # Workers forked beside OpenVINO's and torch's threads may hang.
    start = "spawn" if workers else None
    loader = DataLoader(
        _Pictures(subjects, detector),
        batch_size=_BATCH,
        num_workers=workers,
        multiprocessing_context=start,
    )
    found = [detector.predict(images, [kind] * len(images), method).score for images in loader]
    return torch.cat(found).double().numpy()


@dataclass(frozen=True)
class Coverage:
    """False-alarm rates [C] of C fresh calibrations with n images, on the same T good ones."""

    n: int
    alpha: float
    rates: Scores
    tests: int

    @property
    def expected(self) -> float:
        """k / (n + 1)."""
        return _known(expected_rate(self.n, self.alpha))

    @property
    def mean(self) -> float:
        return float(self.rates.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean: the calibrations' spread over C, and that of the common test pictures.

        The latter is at most r (1 - r) / T, that of T independent yes-or-noes.
        """
        calibrations = self.rates.var(ddof=1) / len(self.rates)
        pictures = self.expected * (1 - self.expected) / self.tests
        return float(np.sqrt(calibrations + pictures))

    @property
    def deviation(self) -> float:
        """(mean - expected) in standard errors."""
        return (self.mean - self.expected) / self.standard_error

    @property
    def past_bound(self) -> float:
        """The share of calibrations whose rate lies past `rate_95`."""
        return float((self.rates > _known(rate_95(self.n, self.alpha))).mean())


def coverage(
    calibrations: Scores, tests: Scores, sizes: Sequence[int], alpha: float
) -> list[Coverage]:
    """Scores [C,N] and [T] of good pictures -> one Coverage for each size of at most N."""
    found = []
    for n in sizes:
        thresholds = [_known(_calibration(row[:n], alpha).threshold) for row in calibrations]
        rates = np.array([(tests > threshold).mean() for threshold in thresholds])
        found.append(Coverage(n, alpha, rates, len(tests)))
    return found


def good_subjects(kind: str, count: int, start: int = 0) -> list[Subject]:
    """So many good pictures, from the place `start` in the kind's sequence on."""
    return [Subject(kind, _FIRST_SEED + start + place) for place in range(count)]


@dataclass(frozen=True)
class Power:
    """Of one calibrated kind, in shares: good pictures rejected, and damaged ones by defect."""

    kind: str
    false_alarms: float
    rejected: Mapping[str, float]


def power(
    detector: AnomalyDetector,
    kind: str,
    *,
    n: int,
    goods: int,
    each: int,
    alpha: float,
    method: str,
    workers: int,
) -> Power:
    """Calibrate with n good pictures of the kind; test `goods` more and `each` of every defect."""
    subjects = good_subjects(kind, n + goods)
    for place, defect in enumerate(DEFECTS):
        first = _FIRST_SEED + n + goods + place * each
        subjects += [Subject(kind, seed, defect) for seed in range(first, first + each)]
    scores = score(detector, kind, subjects, method, workers)
    calibration = _calibration(scores[:n], alpha)
    alarms = scores > _known(calibration.threshold)
    damaged = alarms[n + goods :].reshape(len(DEFECTS), each).mean(axis=1)
    rejected = dict(zip(DEFECTS, damaged.tolist(), strict=True))
    return Power(kind, float(alarms[n : n + goods].mean()), rejected)


def _calibration(scores: Scores, alpha: float) -> Calibration:
    # Maps have no say in what is measured here.
    none = [0.0] * len(scores)
    return Calibration(scores.tolist(), none, none, alpha)


def _known(value: float | None) -> float:
    if value is None:
        raise ValueError("too few images for this alpha: expected n of at least 1 / alpha - 1")
    return value
