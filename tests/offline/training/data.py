"""A tiny data set in MVTec-AD's layout, and a job on one of the parity models."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.offline.datasets import open_dataset
from app.offline.training.job import Job
from app.offline.training.recipe import Recipe
from tests import parity

OBJECTS = ("bolt", "metal_nut", "washer")


def write_dataset(
    root: Path, objects: tuple[str, ...] = OBJECTS, good: int = 3, bad: int = 4
) -> None:
    """Grey pictures with noise; the anomalous ones have a black square, the mask shows it."""
    rng = np.random.default_rng(1)
    for name in objects:
        for number in range(good + bad):
            picture = rng.integers(100, 180, (40, 56, 3), dtype=np.uint8)
            kind = "good" if number < good else "hole"
            if kind == "hole":
                top, left = rng.integers(2, 24, 2)
                mask = np.zeros(picture.shape[:2], np.uint8)
                mask[top : top + 12, left : left + 12] = 255
                picture[mask > 0] = 0
                truth = root / name / "ground_truth" / kind / f"{number:03d}_mask.png"
                truth.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(truth)
            path = root / name / "test" / kind / f"{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)


def job(
    root: Path,
    folder: Path,
    model: str = "tiny-vit",
    objects: list[str] | None = None,
    **changes: Any,
) -> Job:
    """Two epochs on a data set under `root`; changes of the recipe or of the job by name."""
    of_recipe = {key: changes.pop(key) for key in list(changes) if hasattr(Recipe(), key)}
    made = Job(
        backbone=parity.backbone(model),
        dataset=open_dataset("mvtec", root, objects),
        folder=folder,
        out=folder / "heads.safetensors",
        recipe=replace(Recipe(epochs=2, batch=4, rate=1e-3), **of_recipe),
        text_directory=root.parent / "texts",
    )
    return replace(made, **changes)
