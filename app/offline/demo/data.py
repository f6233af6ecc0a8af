"""Training pictures: generated once into memory maps, then drawn as augmented twin crops.

A batch is a pure function of (seed, rank, step): a resumed run sees exactly what an undisturbed
one would have. Only the kinds in `TRAINED` and the training split are ever drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor

from app.offline.synthetic import SIDE, TRAINED, Split, generate_pair

PATCH = 16
GRID = SIDE // PATCH
KIND_NAMES = tuple(TRAINED)
_MEAN = torch.tensor(OPENAI_DATASET_MEAN).view(3, 1, 1)
_STD = torch.tensor(OPENAI_DATASET_STD).view(3, 1, 1)


@dataclass(frozen=True)
class TwinBatch:
    """n pairs as 2n crops: the good ones first, then their damaged twins in the same order.

    crops [2n,3,s,s] normalised; corners [2n,2] in patches; cover [2n,g,g]: damaged share of each
    patch, 0..1; kinds [n]: index into KIND_NAMES, sorted in equal groups.
    """

    crops: Tensor
    corners: Tensor
    cover: Tensor
    kinds: NDArray[np.int64]


class PairStore:
    """`count` training pairs in three memory maps under `directory`."""

    def __init__(self, directory: Path, count: int) -> None:
        if count < len(KIND_NAMES):
            raise ValueError(f"count {count}: expected at least one pair per kind")
        self.count = count - count % len(KIND_NAMES)
        self._directory = directory / f"pairs-{self.count}"
        shapes = {
            "good": (self.count, SIDE, SIDE, 3),
            "defective": (self.count, SIDE, SIDE, 3),
            "cover": (self.count, GRID, GRID),
        }
        self._directory.mkdir(parents=True, exist_ok=True)
        self._maps: dict[str, NDArray[np.uint8]] = {}
        for name, shape in shapes.items():
            path = self._directory / f"{name}.raw"
            size = int(np.prod(shape))
            if not path.exists() or path.stat().st_size != size:
                with path.open("ab") as file:
                    file.truncate(size)
            self._maps[name] = np.memmap(path, np.uint8, "r+", shape=shape)

    def fill(self, rank: int, ranks: int, progress: Callable[[int, int], None]) -> None:
        """Generate this rank's share of the pairs, unless it already lies there."""
        done = self._directory / f"done-{rank}-of-{ranks}"
        if done.exists():
            return
        cv2.setNumThreads(1)
        mine = range(rank, self.count, ranks)
        for place, index in enumerate(mine):
            kind = KIND_NAMES[index % len(KIND_NAMES)]
            pair = generate_pair(kind, index // len(KIND_NAMES), Split.TRAINING)
            share = pair.mask.reshape(GRID, PATCH, GRID, PATCH).mean(axis=(1, 3))
            self._maps["good"][index] = pair.good
            self._maps["defective"][index] = pair.defective
            self._maps["cover"][index] = np.ceil(share * 255).astype(np.uint8)
            progress(place + 1, len(mine))
        done.touch()

    def patches(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """`count` random normalised patches [count, 3*16*16] in conv1's order."""
        found = []
        for index in rng.integers(self.count, size=count):
            row, column = rng.integers(GRID, size=2) * PATCH
            source = self._maps["good" if rng.random() < 0.5 else "defective"]
            found.append(source[index, row : row + PATCH, column : column + PATCH])
        return normalised(np.stack(found)).flatten(1).numpy()

    def batch(
        self, rng: np.random.Generator, kinds: int, per_kind: int, size: int, aimed: float = 0.9
    ) -> TwinBatch:
        """`kinds` random kinds with `per_kind` pairs each, cut to size x size patches.

        `aimed`: share of the pairs whose crop holds some damage for certain.
        """
        chosen = rng.choice(len(KIND_NAMES), kinds, replace=kinds > len(KIND_NAMES))
        numbers = np.repeat(chosen, per_kind)
        rows = rng.integers(self.count // len(KIND_NAMES), size=len(numbers))
        goods, bads, corners, covers = [], [], [], []
        for index in rows * len(KIND_NAMES) + numbers:
            cover = self._maps["cover"][index]
            top, left = self._corner(rng, cover, size, aimed)
            pixels = np.s_[top * PATCH : (top + size) * PATCH, left * PATCH : (left + size) * PATCH]
            good = self._maps["good"][index][pixels]
            bad = self._maps["defective"][index][pixels]
            part = cover[top : top + size, left : left + size]
            good, bad, part = _turned(rng, good, bad, part)
            good, bad = _recoloured(rng, good, bad)
            goods.append(good)
            bads.append(bad)
            corners.append((top, left))
            covers.append(part)
        damaged = torch.from_numpy(np.stack(covers)).float() / 255
        place = torch.tensor(corners)
        return TwinBatch(
            crops=normalised(np.stack(goods + bads)),
            corners=torch.cat([place, place]),
            cover=torch.cat([torch.zeros_like(damaged), damaged]),
            kinds=numbers,
        )

    @staticmethod
    def _corner(
        rng: np.random.Generator, cover: NDArray[np.uint8], size: int, aimed: float
    ) -> tuple[int, int]:
        last = GRID - size
        if rng.random() >= aimed:
            return int(rng.integers(last + 1)), int(rng.integers(last + 1))
        touched = np.argwhere(cover > 25)
        at = touched[rng.integers(len(touched))] if len(touched) else rng.integers(GRID, size=2)
        low = np.clip(at - size + 1, 0, last)
        high = np.clip(at, 0, last)
        return int(rng.integers(low[0], high[0] + 1)), int(rng.integers(low[1], high[1] + 1))


def normalised(pictures: NDArray[np.uint8]) -> Tensor:
    """RGB [B,H,W,3] uint8 -> [B,3,H,W] float32 by CLIP's mean and std."""
    pixels = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
    return (pixels.float() / 255 - _MEAN) / _STD


def _turned(rng: np.random.Generator, *arrays: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """The same random one of eight turns and mirrors for all arrays."""
    quarter, mirror = int(rng.integers(4)), rng.random() < 0.5
    turned = (np.rot90(array, quarter) for array in arrays)
    return tuple(array[:, ::-1] if mirror else array for array in turned)


def _recoloured(
    rng: np.random.Generator, *pictures: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], ...]:
    """The same random tone curve and order of channels for all pictures; sometimes a negative."""
    levels = np.arange(256) / 255.0
    curve = levels ** rng.uniform(0.75, 1.35) * rng.uniform(0.8, 1.1)
    if rng.random() < 0.12:
        curve = 1 - curve
    table = np.clip(curve * 255 + 0.5, 0, 255).astype(np.uint8)
    order = rng.permutation(3) if rng.random() < 0.4 else np.arange(3)
    return tuple(table[picture][..., order] for picture in pictures)
