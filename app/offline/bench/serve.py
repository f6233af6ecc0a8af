"""What a server makes of its model: idle, in closed and in open loop, against the model alone.

The picture is a photograph-like JPEG of 1024 x 1024 pixels. Knows nothing of how the server is
started.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from app.clipad.detector import AnomalyDetector
from app.offline.bench.load import Load, closed_loop, median

HEATMAPS = ("none", "map", "overlay")
PICTURE_SIDE = 1024
_PICTURE_BYTES = 330_000
_NAME = "metal nut"


@dataclass(frozen=True)
class ModelRates:
    """Images per second of the model alone, by batch size."""

    by_batch: dict[int, float]

    @property
    def best_batch(self) -> int:
        return max(self.by_batch, key=lambda batch: self.by_batch[batch])


def large_photograph() -> bytes:
    """The photograph enlarged to 4000 x 3000 pixels."""
    picture = Image.open(io.BytesIO(photograph()))
    return _jpeg(picture.resize((4000, 3000), Image.Resampling.BICUBIC), 90)


def photograph() -> bytes:
    """A JPEG of 1024 x 1024 pixels and about 330 KB: coarse and fine structure, and noise."""
    rng = np.random.default_rng(0)
    side = PICTURE_SIDE
    picture = np.zeros((side, side, 3))
    for cells, strength in ((8, 90), (64, 40), (256, 25)):
        coarse = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        layer = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        picture += strength * (np.asarray(layer, float) / 255 - 0.5)
    picture += 128 + rng.normal(0, 4, (side, side, 1))
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    sizes = {quality: _jpeg(image, quality) for quality in range(98, 30, -2)}
    return min(sizes.values(), key=lambda data: abs(len(data) - _PICTURE_BYTES))


def question(url: str, heatmap: str = "none") -> str:
    """Where to post the picture to."""
    return f"{url}/predict?category={_NAME.replace(' ', '_')}&heatmap={heatmap}"


def model_rates(
    detector: AnomalyDetector, batches: Sequence[int] = (1, 2, 4, 8), turns: int = 3
) -> ModelRates:
    """The model alone, fed with tensors, batch sizes in turn."""
    seconds: dict[int, list[float]] = {batch: [] for batch in batches}
    for turn in range(turns + 1):
        for batch in batches:
            images, text = _inputs(detector, batch)
            start = time.perf_counter()
            detector.detect(images, text)
            if turn:  # the first is a warm-up
                seconds[batch].append(time.perf_counter() - start)
    return ModelRates({batch: batch / median(times) for batch, times in seconds.items()})


def model_rate(detector: AnomalyDetector, batch: int, seconds: float) -> float:
    """Images per second of the model alone, batch after batch for so many seconds."""
    images, text = _inputs(detector, batch)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        detector.detect(images, text)
        done += batch
    return done / (time.perf_counter() - start)


def idle_overheads(
    url: str, picture: bytes, requests: int
) -> Iterator[tuple[str, float, dict[str, float]]]:
    """For each kind of heatmap: median ms of everything but the model, and of every stage.

    One request at a time; seen from the client, so its own work and the network's count too.
    """
    for heatmap in HEATMAPS:
        asked = question(url, heatmap)
        closed_loop(asked, picture, 1, requests=3)
        load = closed_loop(asked, picture, 1, requests=requests)
        other = [1000 * answer.seconds - answer.timing_ms["model"] for answer in load.served]
        stages = {stage: load.stage_ms(stage) for stage in ("decode", "queue", "model", "render")}
        yield heatmap, median(other), stages


def against_model(
    url: str, picture: bytes, detector: AnomalyDetector, batch: int, turns: int, seconds: float
) -> tuple[list[float], list[Load]]:
    """At 8 clients: the model alone and the server in turn -> images/s of the one, loads."""
    alone, loads = [], []
    for _ in range(turns):
        alone.append(model_rate(detector, batch, seconds / 2))
        loads.append(closed_loop(question(url), picture, 8, seconds=seconds))
    return alone, loads


def growth(
    url: str, picture: bytes, requests: int, first: int, memory_mib: Callable[[], float]
) -> dict[int, float]:
    """Resident memory in MiB after the `first` requests, and every tenth part of all of them.

    Four clients; all kinds of heatmap before every reading.
    """
    seen: dict[int, float] = {}
    done = 0
    for stop in sorted({first, *(requests * part // 10 for part in range(1, 11))}):
        for left, heatmap in zip((3, 2, 1), HEATMAPS, strict=True):
            count = (stop - done) // left
            closed_loop(question(url, heatmap), picture, 4, requests=count)
            done += count
        seen[stop] = memory_mib()
    return seen


def _inputs(detector: AnomalyDetector, batch: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 3, detector.side, detector.side, generator=generator)
    text = torch.randn(batch, detector.backbone.embed_dim, 2, generator=generator)
    return images, F.normalize(text, dim=1)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
