"""Samples -> batches of tensors and masks, decoded ahead by two threads, a few batches at most.

Knows nothing of models but their side, mean and std.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.images.tensors import to_tensor
from app.offline.datasets import Sample, load_image, load_mask

_THREADS = 2
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Preprocessing:
    """What images are resized to and normalised with. enlarged: a second, larger side, or None."""

    side: int
    mean: Sequence[float]
    std: Sequence[float]
    enlarged: int | None = None


@dataclass(frozen=True)
class Loaded:
    """B samples. images [B,3,S,S], enlarged [B,3,E,E] or None, masks bool [B,S,S] or None."""

    samples: tuple[Sample, ...]
    images: Tensor
    enlarged: Tensor | None
    masks: NDArray[np.bool_] | None


def load_batches(
    samples: Sequence[Sample], size: int, preprocessing: Preprocessing, *, masks: bool
) -> Iterator[Loaded]:
    """The samples in order, `size` at a time. Raises DatasetError for a file it cannot read."""

    def load(sample: Sample) -> tuple[Tensor, Tensor | None, NDArray[np.bool_] | None]:
        image = load_image(sample)
        side, mean, std = preprocessing.side, preprocessing.mean, preprocessing.std
        larger = preprocessing.enlarged
        return (
            to_tensor(image, side, mean, std),
            None if larger is None else to_tensor(image, larger, mean, std),
            load_mask(sample, side) if masks else None,
        )

    loaded = zip(samples, prefetched(load, samples, ahead=2 * size), strict=True)
    while some := list(islice(loaded, size)):
        enlarged = [each[1] for _, each in some if each[1] is not None]
        planes = [each[2] for _, each in some if each[2] is not None]
        yield Loaded(
            tuple(sample for sample, _ in some),
            torch.stack([each[0] for _, each in some]),
            torch.stack(enlarged) if enlarged else None,
            np.stack(planes) if planes else None,
        )


def prefetched(function: Callable[[_In], _Out], items: Iterable[_In], ahead: int) -> Iterator[_Out]:
    """`map` by two threads, in order, with at most `ahead` results under way or waiting.

    Whoever stops asking, for whatever reason, waits for the two calls in progress and no more.
    """
    waiting: deque[Future[_Out]] = deque()
    source = iter(items)
    with ThreadPoolExecutor(_THREADS, "decode") as pool:
        try:
            waiting.extend(pool.submit(function, item) for item in islice(source, ahead))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(source, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()
