"""What a process does before it is ready: a model loaded beside the event loop,
one real prediction. Knows neither settings nor HTTP.
"""

import asyncio
import io
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from app.categories import Category, parse_category
from app.clipad.runtimes.model import PLAIN
from app.finding import Detector, Finding, Sample
from app.images.reading import ImageLimits
from app.inspection import Inspector, Question
from app.serving.batching import Batcher

LOADER = "loader"  # name of the thread that loads a model
WARM_UP_NAME = "object"
_SIDE = 64
_Loaded = TypeVar("_Loaded")


async def warm_up(
    inspector: Callable[[ImageLimits], Inspector], category: Category | None, texts: Executor
) -> None:
    """One real prediction on a generated picture, of this category or any object.

    The limits for clients do not count here: strict ones must not stop the service from starting.
    """
    category = category or parse_category(WARM_UP_NAME)
    picture = generated_png(side=_SIDE)
    unlimited = inspector(ImageLimits(max_bytes=len(picture), max_pixels=_SIDE * _SIDE))
    detector = unlimited.detector
    # Encoded past the vocabulary: the service's own name is no client's new category.
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(texts, detector.text_features, category.wording)
    question = Question(category, detector.default_method, "overlay", model_size=False)
    await unlimited.inspect(picture, question)


async def compute_one(
    detector: Detector, batcher: Batcher[Sample, Finding], category: Category | None
) -> None:
    """One picture through the model alone; raises what goes wrong."""
    text = detector.text_features((category or parse_category(WARM_UP_NAME)).wording)
    pixels = torch.zeros(3, detector.side, detector.side)
    await batcher.submit(Sample(pixels, text, detector.default_method))


async def warm_up_sizes(
    detector: Detector, batcher: Batcher[Sample, Finding], category: Category | None
) -> None:
    """One batch of every size and method, where a runtime prepares each size when it first comes.

    Plain torch does not, and is spared the time.
    """
    if detector.info.runtime == PLAIN:
        return
    text = detector.text_features((category or parse_category(WARM_UP_NAME)).wording)
    pixels = torch.zeros(3, detector.side, detector.side)
    for method in detector.methods:
        for size in range(1, batcher.max_batch + 1):
            batch = [Sample(pixels, text, method)] * size
            await asyncio.gather(*(batcher.submit(sample) for sample in batch))


def generated_png(side: int) -> bytes:
    """A seeded random texture of side x side pixels, as a PNG file."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


async def in_daemon_thread(work: Callable[[], _Loaded]) -> _Loaded:
    """The work's result from a thread that does not keep the process alive when it must stop."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[_Loaded] = loop.create_future()

    def deliver(settle: Callable[[], None]) -> None:
        if not outcome.done():
            settle()

    def run() -> None:
        try:
            settle = partial(outcome.set_result, work())
        except Exception as error:
            settle = partial(outcome.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended meanwhile; nobody waits any more
            loop.call_soon_threadsafe(deliver, settle)

    threading.Thread(target=run, name=LOADER, daemon=True).start()
    return await outcome
