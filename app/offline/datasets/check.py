"""Decode every file of a data set before anything is trained on it or measured with it.

Knows no layout and keeps no picture: at most two are in memory at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.offline.datasets.model import Dataset, Sample
from app.offline.datasets.pictures import load_image, mask_pixels, need_same_size

_THREADS = 2
_log = logging.getLogger(__name__)


def _silent(done: int, total: int) -> None:
    """Tells nobody."""


def check_dataset(dataset: Dataset, progress: Callable[[int, int], None] = _silent) -> None:
    """Decode every image and mask; `progress(done, total)` counts samples.

    Raises DatasetError for the first sample, in file order, with a file that is missing, does not
    decode, or with a mask of another size than its (upright) image. Warns of masks that mark
    nothing: pixel figures count such an image as good.
    """
    total = len(dataset.samples)
    empty: list[Sample] = []
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="check")
    try:
        for done, marked in enumerate(pool.map(_check, dataset.samples), start=1):
            progress(done, total)
            if not marked:
                empty.append(dataset.samples[done - 1])
    finally:
        pool.shutdown(cancel_futures=True)
    if empty:
        _log.warning(
            "%d anomalous images have a mask that marks nothing (the first: %s)",
            len(empty),
            empty[0].mask,
        )


def _check(sample: Sample) -> bool:
    """Whether all is as it should be: False for a mask that marks nothing."""
    size = load_image(sample).size
    if sample.mask is None:
        return True
    mask = mask_pixels(sample.mask)
    height, width = mask.shape
    need_same_size(sample, (width, height), size)
    return bool(mask.any())
