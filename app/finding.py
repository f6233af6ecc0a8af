"""What the model says of single images: a batch of samples in, a finding or an error for each.

Here scores are made, for predictions and calibrations alike: text part and map's maximum are
rounded (`app.rounding`), the score is their sum, exactly. The map stays as the model gave it.
Knows nothing of files, HTTP or decisions.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from app.clipad.choices import RvsMethod
from app.clipad.detector import Detection
from app.clipad.model_info import ModelInfo
from app.clipad.prompts import Wording
from app.errors import ModelMemoryError
from app.heatmap import FloatMap
from app.images.region import Inside
from app.rounding import rounded

_NO_MEMORY = "DefaultCPUAllocator: can't allocate memory"  # as torch says it of the CPU's


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
    @property
    def unwritten_texts(self) -> int: ...

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
    """What the model says of one image.

    score = text_score + map_score, the latter the map's maximum where it counts; all of them
    multiples of `app.rounding.STEP`. anomaly: the smoothed map, float32 [S,S], not rounded.
    """

    score: float
    text_score: float
    map_score: float
    anomaly: FloatMap
    seconds: float


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
    found: Detection | Exception
    try:
        found = detector.detect(images, text, samples[0].method)
    except Exception as error:
        found = _named(error)
    if isinstance(found, Exception):
        # Out of the handler: an error's traceback holds on to the memory that ran short.
        del images, text
        if isinstance(found, ModelMemoryError):
            torch.cuda.empty_cache()  # without a GPU this does nothing
        if len(samples) == 1:
            return [found]
        # Memory may suffice for half of them, and one that fails must not fail its neighbours.
        half = len(samples) // 2
        parts = (samples[:half], samples[half:])
        return [outcome for part in parts for outcome in _detect(detector, part, begin)]
    seconds = time.perf_counter() - begin
    return [_finding(found, place, sample.inside, seconds) for place, sample in enumerate(samples)]


def _named(error: Exception) -> Exception:
    """The error itself, or ModelMemoryError where it says that memory ran short."""
    short = isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and _NO_MEMORY in str(error)
    )
    if not short:
        return error
    return ModelMemoryError(
        f"the model ran out of memory ({type(error).__name__}): expected enough for one image; "
        "another time there may be"
    )


def _finding(
    found: Detection, place: int, inside: Inside | None, seconds: float
) -> Finding | Exception:
    anomaly, text = found.maps[place].numpy(), float(found.text_score[place])
    peak = float(found.map_score[place] if inside is None else anomaly[inside].max())
    if not math.isfinite(text + peak):
        return ArithmeticError(f"anomaly score is {text + peak}: expected a finite number")
    text, peak = rounded(text), rounded(peak)
    return Finding(text + peak, text, peak, anomaly, seconds)
