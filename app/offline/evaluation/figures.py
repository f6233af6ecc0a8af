"""The results of an evaluation, as the report reads them.

Plain data, nothing is computed here but means. A figure that is not defined (one class only, no
masks) is None, never 0 or NaN.

    Evaluation                    one run: what was asked, on which data
    └── MethodEvaluation          one per compared method, same images
        └── ObjectEvaluation      one per object: figures, curves, scores, worst cases
            ├── ImageScore        one per image
            └── Case              one per image of the gallery
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.offline.metrics.figures import Curve, ImageFigures, PixelFigures

IMAGE_PROTOCOLS = ("raw", "paper", "multi_crop")
"""How one number per image is made of its text part and the maximum of its map.

raw: the plain sum, what is served. paper: both terms scaled to [0,1] over the object's whole set
before they are added. multi_crop: ten crops' text part, without the map; only where asked for.
"""

CURVES = ("image_roc", "image_pr", "pixel_roc", "pixel_pr", "pro")
"""Names of curves. roc: x false positive rate, y recall; pr: x recall, y precision; pro: x false
positive rate up to 0.3, y mean overlap of regions. The image curves are of the raw protocol."""


@dataclass(frozen=True)
class ImageScore:
    """One image's scores. path: relative to the data set's root, with forward slashes.

    map_auroc: pixels of this image alone; None without a mask or with pixels of one class only.
    """

    path: str
    object: str
    kind: str
    anomalous: bool
    text: float
    map: float
    raw: float
    paper: float
    multi_crop: float | None = None
    map_auroc: float | None = None


@dataclass(frozen=True)
class Case:
    """One image for the gallery, a mistake or the nearest thing to one.

    chosen_for: `score`, the image scores worst, or `map`, its map is worst. mistake: of a good
    image the share of anomalous ones that score no higher, of an anomalous one the share of good
    ones that score no lower; in [0,1], 0 is no mistake, None where one class is missing.
    thumbnail: uint8 [h,w,3] RGB, resized straight to the map's shape; map: float16 [S,S]; mask:
    bool [S,S], None where the data set has none for it (of a good image it is all False).
    """

    score: ImageScore
    chosen_for: Literal["score", "map"]
    mistake: float | None
    thumbnail: NDArray[np.uint8]
    map: NDArray[np.float16]
    mask: NDArray[np.bool_] | None


@dataclass(frozen=True)
class ObjectEvaluation:
    """All about one object under one method. image: protocol (see IMAGE_PROTOCOLS) -> figures.

    curves: some of CURVES. cases: those chosen for their score, worst first, then those chosen
    for their map, worst first.
    """

    object: str
    images: int
    anomalous: int
    image: Mapping[str, ImageFigures] | None
    pixel: PixelFigures | None
    curves: Mapping[str, Curve]
    scores: tuple[ImageScore, ...]
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class MethodEvaluation:
    """One method on all objects. seconds: all of it, waiting for pictures included, but without
    the texts, which are encoded once; computing_s: the model's part.

    model: the facts of the detector's ModelInfo, `fingerprint` among them.
    """

    method: str
    model: Mapping[str, object]
    objects: tuple[ObjectEvaluation, ...]
    seconds: float
    computing_s: float

    @property
    def images(self) -> int:
        """Number of images over all objects."""
        return sum(each.images for each in self.objects)

    @property
    def images_per_second(self) -> float:
        """Images over all the time that this method took."""
        return self.images / self.seconds if self.seconds else 0.0

    @property
    def image(self) -> Mapping[str, ImageFigures] | None:
        """Per protocol the mean over the objects that have image figures; None if none has."""
        have = [each.image for each in self.objects if each.image is not None]
        protocols = [name for name in IMAGE_PROTOCOLS if have and all(name in of for of in have)]
        means = {name: mean_image([of[name] for of in have]) for name in protocols}
        return means or None

    @property
    def pixel(self) -> PixelFigures | None:
        """Mean over the objects that have pixel figures, their bounds too; None if none has."""
        return mean_pixel([each.pixel for each in self.objects if each.pixel is not None])


@dataclass(frozen=True)
class Evaluation:
    """One run. asked: the options as given or as defaults chose them, by name, ready for JSON."""

    layout: str
    root: str
    digest: str
    domain: str
    asked: Mapping[str, object]
    methods: tuple[MethodEvaluation, ...]


def mean_image(figures: Sequence[ImageFigures]) -> ImageFigures:
    """Mean of each figure; at least one is needed."""
    return ImageFigures(
        auroc=fmean(f.auroc for f in figures),
        f1_max=fmean(f.f1_max for f in figures),
        ap=fmean(f.ap for f in figures),
    )


def mean_pixel(figures: Sequence[PixelFigures]) -> PixelFigures | None:
    """Mean of each figure and of each bound, which then bounds the mean; None of none."""
    if not figures:
        return None
    return PixelFigures(
        auroc=fmean(f.auroc for f in figures),
        f1_max=fmean(f.f1_max for f in figures),
        ap=fmean(f.ap for f in figures),
        pro=fmean(f.pro for f in figures),
        auroc_error=fmean(f.auroc_error for f in figures),
        f1_max_error=fmean(f.f1_max_error for f in figures),
        ap_error=fmean(f.ap_error for f in figures),
        pro_error=fmean(f.pro_error for f in figures),
    )
