"""Everything that decides the demo backbone, given the code: one frozen recipe.

Learning rate and crop sizes follow from the step alone. Nothing before the cool-down depends on
the number of steps, so a run may be lengthened or cut short while it is level. The recipes that
were compared are listed in model_weights/demo/README.md.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from app.offline.demo.losses import LossWeights
from app.offline.demo.model import CONFIG


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, given the code."""

    steps: int = 3000
    seed: int = 42
    pairs: int = 12600
    rate: float = 1e-3
    decay: float = 0.05
    warm_up: int = 100
    clip: float = 1.0
    average: float = 0.998
    replaced_names: float = 0.5
    prompts: int = 5
    whiten: bool = True
    sizes: tuple[tuple[int, int, float], ...] = ((7, 3, 0.74), (11, 1, 0.13), (15, 1, 0.13))
    """(patches per side, pairs per kind, share of the steps)."""
    final_sizes: tuple[tuple[int, int, float], ...] = ((7, 3, 0.3), (15, 1, 0.7))
    """The same for the cool-down: more whole pictures."""
    cool_down: int = 700
    """Last steps, in which the rate falls to zero. Nothing before them depends on `steps`."""
    kinds_per_batch: int = 4
    weights: LossWeights = field(default_factory=LossWeights)
    config: dict[str, Any] = field(default_factory=lambda: CONFIG)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, level, then half a cosine down to zero."""
        rising = min(1.0, (step + 1) / self.warm_up)
        left = min(1.0, (self.steps - step) / self.cool_down)
        return self.rate * rising * 0.5 * (1 - math.cos(math.pi * left))

    @property
    def level_end(self) -> int:
        """First step of the cool-down."""
        return max(0, self.steps - self.cool_down)

    def size_at(self, step: int, rng: np.random.Generator) -> tuple[int, int]:
        """(patches per side, pairs per kind) of a step."""
        table = self.sizes if step < self.level_end else self.final_sizes
        size, pairs, _ = table[rng.choice(len(table), p=[share for _, _, share in table])]
        return size, pairs

    @property
    def fixed(self) -> str:
        """What must be equal for a run to be continued, as text: all but the steps."""
        facts = {key: value for key, value in asdict(self).items() if key != "steps"}
        return json.dumps(facts, sort_keys=True)
