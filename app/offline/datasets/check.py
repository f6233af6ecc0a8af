"""Decode every file of a data set before anything is trained on it or measured with it.

Knows no layout and keeps no picture: at most two are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.offline.datasets.model import Dataset, Sample
from app.offline.datasets.pictures import load_image, mask_pixels, need_same_size

_THREADS = 2


def _silent(done: int, total: int) -> None:
    """Tells nobody."""


def check_dataset(dataset: Dataset, progress: Callable[[int, int], None] = _silent) -> None:
    """Decode every image and mask; `progress(done, total)` counts samples.

    Raises DatasetError for the first sample, in file order, with a file that is missing, does not
    decode, or with a mask of another size than its (upright) image.
    """
    total = len(dataset.samples)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="check")
    try:
        for done, _ in enumerate(pool.map(_check, dataset.samples), start=1):
            progress(done, total)
    finally:
        pool.shutdown(cancel_futures=True)


def _check(sample: Sample) -> None:
    size = load_image(sample).size
    if sample.mask is not None:
        height, width = mask_pixels(sample.mask).shape
        need_same_size(sample, (width, height), size)
