"""Job: one run as asked for, and the facts that must not change while it is continued."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.clipad.backbone import Backbone
from app.clipad.choices import METHODS, Taps
from app.clipad.rvs import Rvs
from app.errors import ConfigurationError
from app.offline.choices import Precision
from app.offline.datasets import Dataset, Spelling
from app.offline.training.recipe import Recipe
from app.offline.training.store import BATCH


@dataclass(frozen=True)
class Job:
    """Which heads to train, from what, and where to keep it.

    stages: numbered from 1, None for all. folder: of the run; out: the heads file. features: a
    folder of features to share between runs, None for the run's own. text_directory: where text
    features are kept. fresh: forget what the folder holds of another or an earlier run.
    save_every_s: seconds between two checkpoints within an epoch. recommended: the method a server
    with these heads is to use by default.
    """

    backbone: Backbone
    dataset: Dataset
    folder: Path
    out: Path
    recipe: Recipe = field(default_factory=Recipe)
    taps: Taps = Taps.EQUATION
    stages: Sequence[int] | None = None
    rvs: Rvs = field(default_factory=Rvs)
    spelling: Spelling = Spelling.WORDS
    precision: Precision = Precision.FLOAT16
    features: Path | None = None
    store_limit_gib: float = math.inf
    text_directory: Path | None = None
    fresh: bool = False
    save_every_s: float = 30.0
    recommended: str = "sdp"

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a method that no server knows."""
        if self.recommended not in METHODS:
            raise ConfigurationError(
                f"recommend {self.recommended!r}: expected one of {', '.join(METHODS)}"
            )

    def feature_facts(self, stages: Sequence[int]) -> dict[str, Any]:
        """All that decides the stored features and masks, as plain JSON values."""
        return {
            "backbone": self.backbone.digest,
            "taps": str(self.taps),
            "stages": list(stages),
            "side": self.backbone.side,
            "mean": list(self.backbone.mean),
            "std": list(self.backbone.std),
            "data set": self.dataset.digest,
            "batch of a pass": BATCH,
        }

    def run_facts(self, stages: Sequence[int]) -> dict[str, Any]:
        """All that decides the heads but the number of epochs, as plain JSON values."""
        facts = {
            **self.feature_facts(stages),
            **self.recipe.fixed,
            "rvs": self.rvs.label,
            "spelling": str(self.spelling),
            "domain": str(self.dataset.domain),
            "precision": str(self.precision),
        }
        plain: dict[str, Any] = json.loads(json.dumps(facts))
        return plain
