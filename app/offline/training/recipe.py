"""Recipe: the choices that decide the trained heads, beside the data and the backbone.

The defaults are the paper's (Adam 1e-4, 5 epochs, batch 8, seed 42, data in file order, one
linear layer), but for the best epoch: the paper picks it by the test set, here a validation part
is split off. Knows nothing of files or models.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import ConfigurationError

DEPTHS = (1, 3, 5)
Rows = NDArray[np.int64]


class Order(StrEnum):
    """In which order an epoch goes through the training images."""

    FILE = "file"
    SHUFFLED = "shuffled"


@dataclass(frozen=True)
class Recipe:
    """What is trained and how.

    depth, relu: the mapping (Table 6). patience: epochs without a better one after which training
    ends. validation_share: share of the objects (of a single object's images) that validate, 0 for
    none; validation_objects names them instead. Raises ConfigurationError for unusable values.
    """

    depth: int = 1
    relu: bool = False
    rate: float = 1e-4
    epochs: int = 5
    batch: int = 8
    order: Order = Order.FILE
    seed: int = 42
    patience: int = 3
    validation_share: float = 0.2
    validation_objects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check("layers", self.depth, self.depth in DEPTHS, "1, 3 or 5")
        _check("relu", self.relu, not self.relu or self.depth > 1, "3 or 5 layers to stand between")
        _check("rate", self.rate, 0 < self.rate < 1, "a number between 0 and 1")
        for name in ("epochs", "batch", "patience"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        _check("seed", self.seed, self.seed >= 0, "at least 0")
        share = self.validation_share
        _check("validation share", share, 0 <= share < 1, "at least 0 and below 1")

    @property
    def fixed(self) -> dict[str, Any]:
        """All that may not change while a run is continued: everything but the epochs.

        Epochs may be added, for the rate follows no schedule: the run equals a longer one.
        """
        return {name: value for name, value in asdict(self).items() if name != "epochs"}

    def steps(self, images: int) -> int:
        """Steps of an epoch over so many images."""
        return math.ceil(images / self.batch)

    def rows_of(self, training: Rows, epoch: int) -> Rows:
        """The training rows in the order of epoch `epoch` (from 1): of it and the seed alone."""
        if self.order is Order.FILE:
            return training
        return np.random.default_rng([self.seed, epoch]).permutation(training)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """`rate was 0.0001, now 0.001; ...`, or an empty string; both hold plain JSON values."""
    keys = sorted(before.keys() | now.keys())
    return "; ".join(
        f"{key} was {_short(before.get(key))}, now {_short(now.get(key))}"
        for key in keys
        if before.get(key) != now.get(key)
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 48 else f"{text[:12]}...{text[-8:]}"


def _check(name: str, value: Any, good: bool, expected: str) -> None:
    if not good:
        raise ConfigurationError(f"{name} {value}: expected {expected}")
