"""Which images train and which validate.

Whole objects validate, for heads must work on objects they never saw; only where there is but one
object are its images divided. A pure function of the samples and the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from app.errors import ConfigurationError
from app.offline.training.recipe import Recipe, Rows

_LEAST = 2  # images of a kind that a single object needs, for one to train and one to validate


class Labelled(Protocol):
    """What the split looks at: `datasets.Sample` has it."""

    @property
    def object(self) -> str: ...
    @property
    def anomalous(self) -> bool: ...


@dataclass(frozen=True)
class Split:
    """training: rows in file order. validation: rows by object, empty without validation.

    by_image: a single object's images were divided, so validation says little of other objects.
    """

    training: Rows
    validation: dict[str, Rows]
    by_image: bool = False

    @property
    def label(self) -> str:
        """One line for people."""
        if not self.validation:
            return f"{len(self.training)} images train, none validate: the last epoch is kept"
        count = sum(map(len, self.validation.values()))
        what = (
            "of the same single object, so it says little of others"
            if self.by_image
            else f"of {', '.join(self.validation)}"
        )
        return f"{len(self.training)} images train, {count} {what} validate"


def split(samples: Sequence[Labelled], recipe: Recipe) -> Split:
    """Divide rows 0..N-1 of a data set as the recipe says.

    Raises ConfigurationError for unknown objects, or where nothing would be left to train on.
    """
    names = list(dict.fromkeys(sample.object for sample in samples))
    objects = np.array([sample.object for sample in samples])
    unknown = set(recipe.validation_objects) - set(names)
    if unknown:
        raise ConfigurationError(
            f"validation object {min(unknown)!r}: expected one of {', '.join(names)}"
        )
    rows = np.arange(len(samples))
    if recipe.validation_objects:
        chosen = set(recipe.validation_objects)
    elif recipe.validation_share == 0:
        return Split(rows, {})
    elif len(names) == 1:
        return _by_image(samples, recipe)
    else:
        count = min(max(1, round(recipe.validation_share * len(names))), len(names) - 1)
        chosen = set(np.random.default_rng([recipe.seed, 0]).choice(names, count, replace=False))
    held = {name: rows[objects == name] for name in names if name in chosen}
    training = rows[~np.isin(objects, list(chosen))]
    if len(training) == 0:
        raise ConfigurationError(
            f"validation objects {', '.join(held)}: expected at least one other to train on"
        )
    return Split(training, held)


def _by_image(samples: Sequence[Labelled], recipe: Recipe) -> Split:
    """Divide one object's images, good and anomalous ones apart in the same share."""
    anomalous = np.array([sample.anomalous for sample in samples])
    rng = np.random.default_rng([recipe.seed, 0])
    held: list[Rows] = []
    for what, rows in (
        ("good", np.flatnonzero(~anomalous)),
        ("anomalous", np.flatnonzero(anomalous)),
    ):
        if len(rows) < _LEAST:
            raise ConfigurationError(
                f"object {samples[0].object!r} has {len(rows)} {what} images: expected at least "
                f"{_LEAST} to split off a validation part; --validation-share 0 trains without"
            )
        count = min(max(1, round(recipe.validation_share * len(rows))), len(rows) - 1)
        held.append(rng.choice(rows, count, replace=False))
    validation = np.sort(np.concatenate(held))
    training = np.setdiff1d(np.arange(len(samples)), validation)
    return Split(training, {samples[0].object: validation}, by_image=True)
