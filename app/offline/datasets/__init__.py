"""Data sets for training heads and for evaluation, read as they lie on their owners' disks.

    open_dataset (paths, labels) -> check_dataset (every file decodes) -> load_image, load_mask

A layout is only where files lie and which of them are good. What is wrong with a data set is told
before anything is trained on it: a `DatasetError` that names the file.
"""

from app.offline.datasets.check import check_dataset
from app.offline.datasets.layouts import LAYOUTS, open_dataset
from app.offline.datasets.model import Dataset, Sample, describe
from app.offline.datasets.pictures import load_image, load_mask
from app.offline.datasets.spelling import Spelling

__all__ = [
    "LAYOUTS",
    "Dataset",
    "Sample",
    "Spelling",
    "check_dataset",
    "describe",
    "load_image",
    "load_mask",
    "open_dataset",
]
