"""One image's way through the service: decode -> text and queue -> model -> heatmap.

Decoding and rendering run in threads of their own, the model in the batcher's one. Knows nothing
of HTTP.
"""

import asyncio
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
from app.categories import Category
from app.clipad.detector import Detection
from app.clipad.model_info import ModelInfo
from app.errors import MethodError
from app.heatmap import FloatMap, Scale, colour_png, overlay_png, per_image_scale
from app.images import ImageLimits, decode_image, fit_within, to_tensor
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

    def text_features(self, name: str, /) -> Tensor: ...
    def peek_text(self, name: str, /) -> Tensor | None: ...
    def has_text(self, name: str, /) -> bool: ...
    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Detection: ...


@dataclass(frozen=True)
class Sample:
    """What the model gets for one image: pixels [3,S,S], text [D,2]."""

    pixels: Tensor
    text: Tensor
    method: str


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
    """What is asked of an image. heatmap `none` renders nothing."""

    category: Category
    method: str
    heatmap: Presentation
    model_size: bool


@dataclass(frozen=True)
class Rendering:
    """A heatmap's PNG file with its size in pixels and its scale."""

    png: bytes
    width: int
    height: int
    scale: Scale


@dataclass(frozen=True)
class Inspection:
    """The answer to one image; seconds by step: decode, queue, model, render, total."""

    finding: Finding
    rendering: Rendering | None
    seconds: dict[str, float]


@dataclass(frozen=True)
class _Prepared:
    pixels: Tensor
    size: tuple[int, int]
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
        """Have the category's text features ready; raises what encoding them raises.

        For several images at once: what is wrong with the category is then told before any image.
        """
        await self._vocabulary.features(category.object)

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
        text = await self._vocabulary.features(question.category.object)
        sample = Sample(prepared.pixels, text, question.method)
        finding = await self.batcher.submit(sample, deadline)
        found = time.perf_counter()
        rendering = None
        if question.heatmap != "none":
            rendering = await loop.run_in_executor(self._executor, _render, finding, prepared)
        end = time.perf_counter()
        seconds = {
            "decode": decoded - begin,
            "queue": max(0.0, found - decoded - finding.seconds),
            "model": finding.seconds,
            "render": end - found,
            "total": end - begin,
        }
        return Inspection(finding, rendering, seconds)

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
        return _Prepared(pixels, size, canvas)


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
    return [_finding(found, place, seconds) for place in range(len(samples))]


def _finding(found: Detection, place: int, seconds: float) -> Finding | Exception:
    score = float(found.score[place])
    if not math.isfinite(score):
        return ArithmeticError(f"anomaly score is {score}: expected a finite number")
    return Finding(
        score,
        float(found.text_score[place]),
        float(found.map_score[place]),
        found.maps[place].numpy(),
        seconds,
    )


def _render(finding: Finding, prepared: _Prepared) -> Rendering:
    scale = per_image_scale(finding.anomaly)
    if prepared.canvas is not None:
        png = overlay_png(finding.anomaly, scale, prepared.canvas)
    else:
        png = colour_png(finding.anomaly, scale, prepared.size)
    return Rendering(png, *prepared.size, scale)
