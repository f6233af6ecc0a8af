"""A category as a prediction meets it: its set-up, and what its calibrations are worth today.

From records to values, nothing else: knows neither the database nor the event loop.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from app.calibration import Calibration
from app.categories import Category
from app.clipad.choices import RvsMethod
from app.clipad.prompts import Domain, Wording
from app.images.region import Roi, parse_roi
from app.rounding import rounded
from app.store.records import CategoryRecord, SampleRecord, SampleScore

State = Literal["none", "too_few", "outdated", "calibrated"]


@dataclass(frozen=True)
class MethodStanding:
    """One method's calibration. outdated: samples without a score under today's fingerprint
    (other weights, heads, words, region, runtime ...), which therefore do not count. repeated: of
    those that count, the ones whose image is the very file of an earlier one.
    """

    calibration: Calibration
    outdated: int
    repeated: int

    @property
    def state(self) -> State:
        if self.calibration.decides:
            return "calibrated"
        if self.calibration.n:
            return "too_few"
        return "outdated" if self.outdated else "none"


@dataclass(frozen=True)
class Standing:
    """A category, whether somebody registered it, its fingerprint, and each method's standing."""

    category: Category
    registered: bool
    fingerprint: str
    methods: Mapping[str, MethodStanding]

    def calibration(self, method: str) -> Calibration | None:
        """What decides for this method; None where nothing does."""
        found = self.methods.get(method)
        return found.calibration if found and found.calibration.decides else None


def standing_of(
    category: Category,
    samples: Sequence[SampleRecord],
    *,
    registered: bool,
    methods: Sequence[str],
    model: str,
) -> Standing:
    """A category with its samples -> Standing; model: the served model's fingerprint."""
    fingerprint = category.fingerprint(model)
    found = {method: _method_standing(method, fingerprint, category, samples) for method in methods}
    return Standing(category, registered, fingerprint, found)


def _method_standing(
    method: str, fingerprint: str, category: Category, samples: Sequence[SampleRecord]
) -> MethodStanding:
    scores: list[SampleScore] = []
    files: set[str] = set()
    for sample in samples:
        # One image counts once, however often a file that somebody wrote says its score. And one
        # without any score of this method (heads came later) is no use for it.
        for score in sample.scores:
            if score.method == method and score.fingerprint == fingerprint:
                scores.append(_rounded(score))
                files.add(sample.image_sha256)
                break
    calibration = Calibration(
        [score.score for score in scores],
        [score.map_max for score in scores],
        [score.map_median for score in scores],
        category.alpha,
    )
    n = calibration.n
    return MethodStanding(calibration, outdated=len(samples) - n, repeated=n - len(files))


def as_read(sample: SampleRecord) -> SampleRecord:
    """A stored sample with its figures rounded: older versions kept them as the model gave them."""
    return replace(sample, scores=tuple(_rounded(score) for score in sample.scores))


def _rounded(score: SampleScore) -> SampleScore:
    return replace(
        score,
        score=rounded(score.score),
        map_max=rounded(score.map_max),
        map_median=rounded(score.map_median),
    )


def category_of(record: CategoryRecord) -> Category:
    """A stored category -> Category. Raises what its rules raise."""
    wording = Wording(
        record.object,
        Domain(record.domain),
        record.normal_states or (),
        record.abnormal_states or (),
    )
    return Category(
        record.id,
        record.key,
        wording,
        None if record.rvs is None else RvsMethod(record.rvs),
        record.alpha,
        None if record.roi is None else _region(json.dumps(record.roi)),
    )


@lru_cache(maxsize=64)  # read twice a second while the category is in use
def _region(roi: str) -> Roi:
    return parse_roi(json.loads(roi))


def record_of(category: Category) -> CategoryRecord:
    """A category -> what is stored of it, made now."""
    now = datetime.now(UTC)
    wording = category.wording
    return CategoryRecord(
        key=category.key,
        id=category.id,
        object=wording.object,
        domain=str(wording.domain),
        normal_states=wording.normal_states or None,
        abnormal_states=wording.abnormal_states or None,
        rvs=None if category.rvs is None else str(category.rvs),
        alpha=category.alpha,
        roi=None if category.roi is None else category.roi.as_json(),
        created=now,
        updated=now,
    )
