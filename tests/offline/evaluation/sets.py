"""Tiny data sets on disk, in MVTec-AD's layout: dark pictures, defects are bright boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from app.offline.datasets import Dataset, open_dataset

SIDE = 64


def write_set(
    root: Path, objects: tuple[str, ...] = ("metal_nut",), good: int = 3, bad: int = 4
) -> Path:
    """`root` with so many pictures of each object; every second defect is faint."""
    rng = np.random.default_rng(0)
    for object in objects:
        for index in range(good):
            _save(_noise(rng), root / object / "test" / "good" / f"{index:03}.png")
        for index in range(bad):
            picture, mask = _noise(rng), np.zeros((SIDE, SIDE), np.uint8)
            top, left = rng.integers(4, SIDE - 24, 2)
            mask[top : top + 12, left : left + 16] = 255
            picture[mask > 0] += 100 if index % 2 else 10
            _save(picture, root / object / "test" / "scratch" / f"{index:03}.png")
            truth = root / object / "ground_truth" / "scratch" / f"{index:03}_mask.png"
            _save(mask, truth)
        (root / object / "train" / "good").mkdir(parents=True)
    return root


def tiny_set(
    root: Path, objects: tuple[str, ...] = ("metal_nut",), good: int = 3, bad: int = 4
) -> Dataset:
    """`write_set`, opened."""
    return open_dataset("mvtec", write_set(root, objects, good, bad))


def _noise(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(40, 70, (SIDE, SIDE, 3)).astype(np.uint8)


def _save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
