"""One image's way through the service: decode -> text and queue -> model -> decision, heatmap.

Decoding and rendering run in threads of their own, the model in the batcher's one. Knows nothing
of HTTP or of where calibrations come from.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from app.calibration import Calibration, Decision
from app.categories import Category
from app.errors import MethodError
from app.finding import Detector, Finding, Sample
from app.images.reading import ImageLimits, read_picture
from app.images.region import Inside, inside
from app.images.tensors import to_tensor
from app.presentation import Frame, Presentation, Presenter, Rendering
from app.regions import Region
from app.rounding import rounded
from app.serving.batching import Batcher
from app.vocabulary import Vocabulary


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
class Source:
    """The posted file: sha256 of its bytes, its format, its size in pixels after EXIF rotation.

    first_of_several: whether it has more pages or frames, which were not looked at.
    """

    sha256: str
    format: str
    width: int
    height: int
    first_of_several: bool


@dataclass(frozen=True)
class Inspection:
    """The answer to one image; seconds by step: decode, queue, model, render, total.

    decision: None without a calibration, regions then empty.
    """

    finding: Finding
    decision: Decision | None
    regions: list[Region]
    rendering: Rendering | None
    seconds: dict[str, float]
    source: Source


@dataclass(frozen=True)
class Prepared:
    """A decoded picture as it waits for the model: little of it is left."""

    pixels: Tensor
    source: Source
    frame: Frame
    inside: Inside | None


class Inspector:
    """Answers questions about images with one detector."""

    def __init__(
        self,
        detector: Detector,
        batcher: Batcher[Sample, Finding],
        vocabulary: Vocabulary,
        executor: Executor,
        limits: ImageLimits,
        presenter: Presenter,
    ) -> None:
        self.detector = detector
        self.batcher = batcher
        self._vocabulary = vocabulary
        self._executor = executor
        self._limits = limits
        self._presenter = presenter

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
        await asyncio.get_running_loop().run_in_executor(self._executor, self._inside, category)
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
        sample = Sample(prepared.pixels, text, question.method, prepared.inside)
        finding = await self.batcher.submit(sample, deadline)
        found = time.perf_counter()
        rendering, marked = None, list[Region]()
        if question.heatmap != "none" or calibration is not None:
            rendering, marked = await loop.run_in_executor(
                self._executor,
                self._presenter.present,
                finding.anomaly,
                prepared.frame,
                calibration,
                sample.inside,
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
        source = prepared.source
        return Inspection(finding, decision, marked, rendering, seconds, source)

    async def prepare(self, read: Callable[[], bytes], category: Category) -> Prepared:
        """An encoded image of a good part, decoded; `measure` is the other half. Raises what
        reading and decoding raise.

        read: the image's bytes; asked in a thread, and they are held while they are decoded alone.
        """
        loop = asyncio.get_running_loop()
        question = Question(category, "", "none", model_size=True)
        return await loop.run_in_executor(self._executor, lambda: self._prepare(read(), question))

    async def measure(
        self, prepared: Prepared, category: Category, deadline: float = math.inf
    ) -> tuple[str, dict[str, tuple[Finding, float]]]:
        """A good part's image -> sha256 of its bytes, and for every method its finding with the
        median of its map, inside the region of interest, rounded as scores are.

        Scores are those that `inspect` gives the same image. Raises what its steps raise.
        """
        loop = asyncio.get_running_loop()
        inside = prepared.inside
        text = await self._vocabulary.features(category.wording, category.rvs)
        found = {}
        for method in self.detector.methods:
            sample = Sample(prepared.pixels, text, method, inside)
            finding = await self.batcher.submit(sample, deadline)
            median = await loop.run_in_executor(self._executor, _median, finding, inside)
            found[method] = finding, median
        return prepared.source.sha256, found

    def _inside(self, category: Category) -> Inside | None:
        return None if category.roi is None else inside(category.roi, self.detector.side)

    def _prepare(self, data: bytes, question: Question) -> Prepared:
        picture = read_picture(data, self._limits)
        image = picture.image
        detector = self.detector
        pixels = to_tensor(image, detector.side, detector.mean, detector.std)
        side = detector.side if question.model_size else None
        frame = self._presenter.frame(image, question.heatmap, side)
        several = picture.first_of_several
        source = Source(hashlib.sha256(data).hexdigest(), picture.format, *image.size, several)
        return Prepared(pixels, source, frame, self._inside(question.category))


def _median(finding: Finding, inside: Inside | None) -> float:
    # Rounded too: of a map that is the same everywhere it must not lie above the maximum.
    counted = finding.anomaly if inside is None else finding.anomaly[inside]
    return rounded(float(np.median(counted)))
