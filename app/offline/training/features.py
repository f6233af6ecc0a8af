"""The one pass of the frozen backbone: images -> tapped features and masks in a FeatureStore.

Pictures are decoded by two threads, a bounded number of them ahead of the model, and preprocessed
exactly as they are when served.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from time import monotonic
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.clipad.backbone import Backbone
from app.clipad.dual_path import DualPath
from app.images.tensors import to_tensor
from app.offline.datasets import Sample, load_image, load_mask
from app.offline.training.interrupt import Stop
from app.offline.training.reporting import FEATURES, Reporter
from app.offline.training.store import BATCH, FeatureStore

_THREADS = 2
_AHEAD = 3 * BATCH  # pictures decoded or in work at a time
_COMMIT_SECONDS = 5.0
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Loaded = tuple[Tensor, NDArray[np.bool_]]


def feature_shapes(path: DualPath, backbone: Backbone) -> list[tuple[int, int]]:
    """(P_k, W_k) of each stage that heads read, told by a blank image."""
    blank = torch.zeros(1, 3, backbone.side, backbone.side)
    return [(each.shape[1], each.shape[2]) for each in tapped(path, backbone, blank)]


@torch.inference_mode()
def tapped(path: DualPath, backbone: Backbone, images: Tensor) -> list[Tensor]:
    """Preprocessed images [B,3,S,S] -> what heads read of them, K x [B,P_k,W_k]."""
    tokens = path(images.to(backbone.device, backbone.dtype), surgery=False)
    return path.patches(tokens.original)


def fill(
    store: FeatureStore,
    path: DualPath,
    backbone: Backbone,
    samples: Sequence[Sample],
    reporter: Reporter,
    stop: Stop,
) -> None:
    """Compute the features that the store lacks; ends early, all committed, if asked to stop."""

    def load(sample: Sample) -> _Loaded:
        image = to_tensor(load_image(sample), backbone.side, backbone.mean, backbone.std)
        return image, load_mask(sample, backbone.side)

    committed = monotonic()
    try:
        with reporter.phase(FEATURES, len(samples), store.done) as advance:
            for batch in _batches(_loaded_ahead(load, samples[store.done :])):
                images = torch.stack([image for image, _ in batch])
                store.write(tapped(path, backbone, images), np.stack([mask for _, mask in batch]))
                if monotonic() - committed > _COMMIT_SECONDS:
                    store.commit()
                    committed = monotonic()
                advance(len(batch))
                if stop.asked:
                    break
        store.commit()
    finally:
        store.close()


def _loaded_ahead(load: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """`load` of each item, in order, by threads that are a bounded number of items ahead."""
    pending: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="decode") as pool:
        try:
            for item in items:
                pending.append(pool.submit(load, item))
                if len(pending) == _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _batches(items: Iterator[_Loaded]) -> Iterator[list[_Loaded]]:
    while batch := list(islice(items, BATCH)):
        yield batch
