"""One image's way through the service: decode -> text and queue -> model -> decision, heatmap.

Decoding and rendering run in threads of their own, the model in the batcher's one. Knows nothing
of HTTP or of where calibrations come from.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from PIL import Image
from torch import Tensor

from app.batching import Batcher
from app.calibration import Calibration, Decision
from app.categories import Category
from app.clipad.detector import Detection
from app.clipad.model_info import ModelInfo
from app.clipad.prompts import Wording
from app.clipad.rvs import RvsMethod
from app.errors import MethodError
from app.heatmap import (
    FloatMap,
    Scale,
    calibrated_scale,
    colour_png,
    overlay_png,
    per_image_scale,
)
from app.images import ImageLimits, decode_image, fit_within, to_tensor
from app.regions import Region, regions
from app.roi import Inside, inside
from app.vocabulary import Vocabulary

Presentation = Literal["overlay", "map", "none"]


class Detector(Protocol):
    """What the service needs of an anomaly detector."""

    @property
    def side(self) -> int: ...
    @property
    def mean(self) -> Sequence[float]: ...
    @property
    def std(self) -> Sequence[float]: ...
    @property
    def methods(self) -> tuple[str, ...]: ...
    @property
    def default_method(self) -> str: ...
    @property
    def info(self) -> ModelInfo: ...

    def text_features(self, name: Wording, rvs: RvsMethod | None = None, /) -> Tensor: ...
    def peek_text(self, name: Wording, rvs: RvsMethod | None = None, /) -> Tensor | None: ...
    def has_text(self, name: Wording, rvs: RvsMethod | None = None, /) -> bool: ...
    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Detection: ...


@dataclass(frozen=True)
class Sample:
    """What the model gets for one image: pixels [3,S,S], text [D,2]; inside: where the map
    counts, [S,S], None for everywhere.
    """

    pixels: Tensor
    text: Tensor
    method: str
    inside: Inside | None = None


@dataclass(frozen=True)
class Finding:
    """What the model says of one image; anomaly: the smoothed map, float32 [S,S]."""

    score: float
    text_score: float
    map_score: float
    anomaly: FloatMap
    seconds: float


@dataclass(frozen=True)
class Question:
    """What is asked of an image. heatmap `none` renders nothing; calibration: what decides, None
    where nothing does.
    """

    category: Category
    method: str
    heatmap: Presentation
    model_size: bool
    calibration: Calibration | None = None


@dataclass(frozen=True)
class Rendering:
    """A heatmap's PNG file with its size in pixels and its scale."""

    png: bytes
    width: int
    height: int
    scale: Scale


@dataclass(frozen=True)
class Inspection:
    """The answer to one image; seconds by step: decode, queue, model, render, total.

    decision: None without a calibration, regions then empty. sha256: of the posted bytes.
    """

    finding: Finding
    decision: Decision | None
    regions: list[Region]
    rendering: Rendering | None
    seconds: dict[str, float]
    sha256: str


@dataclass(frozen=True)
class _Prepared:
    pixels: Tensor
    sha256: str
    upright: tuple[int, int]
    shown: tuple[int, int]
    canvas: Image.Image | None


class Inspector:
    """Answers questions about images with one detector."""

    def __init__(
        self,
        detector: Detector,
        batcher: Batcher[Sample, Finding],
        vocabulary: Vocabulary,
        executor: Executor,
        limits: ImageLimits,
        max_heatmap_side: int,
    ) -> None:
        self.detector = detector
        self.batcher = batcher
        self._vocabulary = vocabulary
        self._executor = executor
        self._limits = limits
        self._max_heatmap_side = max_heatmap_side

    def choose_method(self, wanted: str | None, configured: str | None) -> str:
        """The method to use; raises MethodError for one that the detector does not have."""
        method = wanted or configured or self.detector.default_method
        if method not in self.detector.methods:
            raise MethodError(
                f"method {method!r}: expected one of {', '.join(self.detector.methods)}"
                + ("; no linear heads are loaded" if method == "sdp_plus" else "")
            )
        return method

    async def learn(self, category: Category) -> None:
        """Have the category's text features ready; raises what encoding them raises, and
        FieldError for a region of interest that leaves nothing of this model's map.

        For several images at once: what is wrong with the category is then told before any image.
        """
        self._inside(category)
        await self._vocabulary.features(category.wording, category.rvs)

    def knows(self, category: Category) -> bool:
        """Whether the category's text features need no encoding; looks at the disk."""
        return self._vocabulary.has(category.wording, category.rvs)

    async def inspect(
        self, data: bytes, question: Question, deadline: float = math.inf
    ) -> Inspection:
        """An encoded image and a question -> Inspection. Raises what its steps raise.

        deadline: by the loop's clock; the model does not begin after it.
        """
        begin = time.perf_counter()
        loop = asyncio.get_running_loop()
        prepared = await loop.run_in_executor(self._executor, self._prepare, data, question)
        decoded = time.perf_counter()
        category, calibration = question.category, question.calibration
        text = await self._vocabulary.features(category.wording, category.rvs)
        sample = Sample(prepared.pixels, text, question.method, self._inside(category))
        finding = await self.batcher.submit(sample, deadline)
        found = time.perf_counter()
        rendering, marked = None, list[Region]()
        if question.heatmap != "none" or calibration is not None:
            rendering, marked = await loop.run_in_executor(
                self._executor, _present, finding, prepared, question, sample.inside
            )
        decision = None if calibration is None else calibration.decide(finding.score)
        end = time.perf_counter()
        seconds = {
            "decode": decoded - begin,
            "queue": max(0.0, found - decoded - finding.seconds),
            "model": finding.seconds,
            "render": end - found,
            "total": end - begin,
        }
        return Inspection(finding, decision, marked, rendering, seconds, prepared.sha256)

    async def measure(
        self, data: bytes, category: Category, deadline: float = math.inf
    ) -> tuple[str, dict[str, Finding]]:
        """An encoded image of a good part -> sha256 of its bytes, and every method's finding.

        Scores are those that `inspect` gives the same image. Raises what its steps raise.
        """
        loop = asyncio.get_running_loop()
        question = Question(category, "", "none", model_size=True)
        prepared = await loop.run_in_executor(self._executor, self._prepare, data, question)
        text = await self._vocabulary.features(category.wording, category.rvs)
        inside = self._inside(category)
        findings = {}
        for method in self.detector.methods:
            sample = Sample(prepared.pixels, text, method, inside)
            findings[method] = await self.batcher.submit(sample, deadline)
        return prepared.sha256, findings

    def _inside(self, category: Category) -> Inside | None:
        return None if category.roi is None else inside(category.roi, self.detector.side)

    def _prepare(self, data: bytes, question: Question) -> _Prepared:
        image = decode_image(data, self._limits)
        detector = self.detector
        pixels = to_tensor(image, detector.side, detector.mean, detector.std)
        size = (
            (detector.side, detector.side)
            if question.model_size
            else fit_within(image.size, self._max_heatmap_side)
        )
        # The picture itself may be large; while it waits only what is shown of it is kept.
        overlay = question.heatmap == "overlay"
        canvas = image.resize(size, Image.Resampling.BILINEAR) if overlay else None
        return _Prepared(pixels, hashlib.sha256(data).hexdigest(), image.size, size, canvas)


def model_run(
    detector: Detector, observe_batch: Callable[[int], None]
) -> Callable[[list[Sample]], list[Finding | Exception]]:
    """The batcher's `run`: samples of all methods -> a finding or an error for each, in order."""

    def run(samples: list[Sample]) -> list[Finding | Exception]:
        observe_batch(len(samples))
        begin = time.perf_counter()
        outcomes: dict[int, Finding | Exception] = {}
        for method in dict.fromkeys(sample.method for sample in samples):
            places = [i for i, sample in enumerate(samples) if sample.method == method]
            group = [samples[i] for i in places]
            outcomes.update(zip(places, _detect(detector, group, begin), strict=True))
        return [outcomes[i] for i in range(len(samples))]

    return run


def _detect(
    detector: Detector, samples: Sequence[Sample], begin: float
) -> Sequence[Finding | Exception]:
    images = torch.stack([sample.pixels for sample in samples])
    text = torch.stack([sample.text for sample in samples])
    try:
        found = detector.detect(images, text, samples[0].method)
    except Exception as error:
        if len(samples) == 1:
            return [error]
        # Memory may suffice for each alone, and one that fails must not fail its neighbours.
        return [_detect(detector, [sample], begin)[0] for sample in samples]
    seconds = time.perf_counter() - begin
    return [_finding(found, place, sample.inside, seconds) for place, sample in enumerate(samples)]


def _finding(
    found: Detection, place: int, inside: Inside | None, seconds: float
) -> Finding | Exception:
    anomaly, text_score = found.maps[place].numpy(), found.text_score[place]
    score, peak = found.score[place], found.map_score[place]
    if inside is not None:
        peak = torch.tensor(anomaly[inside].max())
        score = text_score + peak
    if not math.isfinite(score):
        return ArithmeticError(f"anomaly score is {float(score)}: expected a finite number")
    return Finding(float(score), float(text_score), float(peak), anomaly, seconds)


def _present(
    finding: Finding, prepared: _Prepared, question: Question, inside: Inside | None
) -> tuple[Rendering | None, list[Region]]:
    """What shows where: the heatmap if asked for, and the areas above the map's threshold."""
    threshold = None if question.calibration is None else question.calibration.map_threshold
    marked: list[Region] = []
    if threshold is not None:
        marked = regions(finding.anomaly, threshold, prepared.upright, inside)
    if question.heatmap == "none":
        return None, marked
    scale = _scale(finding.anomaly, question.calibration, inside)
    if prepared.canvas is not None:
        png = overlay_png(finding.anomaly, scale, prepared.canvas, inside=inside)
    else:
        png = colour_png(finding.anomaly, scale, prepared.shown, inside=inside)
    return Rendering(png, *prepared.shown, scale), marked


def _scale(anomaly: FloatMap, calibration: Calibration | None, inside: Inside | None) -> Scale:
    if calibration is None or calibration.map_threshold is None or calibration.map_low is None:
        return per_image_scale(anomaly, inside)
    return calibrated_scale(calibration.map_low, calibration.map_threshold)
