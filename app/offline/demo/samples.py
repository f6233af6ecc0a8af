"""A few benchmark pictures as PNG files, shipped beside the demo weights to try it with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from app.offline.benchmark_set import FIRST_SEED
from app.offline.synthetic import Split, generate_pair

SAMPLES = (
    ("fabric", "stain", 3),
    ("wood", "scratch", 0),
    ("tile", "crack", 1),
    ("bamboo mat", "hole", 2),
)
"""(kind, defect, seed offset): bamboo mat is a kind that training never saw."""


def write_samples(directory: Path) -> list[Path]:
    """Write a good and a defective PNG per sample; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, defect, offset in SAMPLES:
        pair = generate_pair(kind, FIRST_SEED + offset, Split.BENCHMARK, defect)
        stem = kind.replace(" ", "-")
        for state, picture in (("good", pair.good), (defect, pair.defective)):
            path = directory / f"{stem}-{state.replace(' ', '-')}.png"
            bgr = np.ascontiguousarray(picture[..., ::-1])
            if not cv2.imwrite(str(path), bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9]):
                raise OSError(f"sample {path}: OpenCV could not write it")
            paths.append(path)
    return paths
