"""The figures of each epoch, which of them is the best, and whether training has ended.

Pure functions of the rows, so a resumed run decides as an undisturbed one. The best epoch has the
highest mean validation pixel AUROC, of equals the lowest validation loss, then the earliest;
without validation it is the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.offline.training.recipe import Recipe


@dataclass(frozen=True)
class EpochRow:
    """One epoch, numbered from 1. loss: mean over its images while they were trained on.

    The validation figures are means over the validation objects after the epoch; None where there
    is no validation, or no anomalous pixel in it. seconds: spent on training and validation.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    validation_pixel_auroc: float | None
    validation_pro: float | None
    seconds: float
    images_per_s: float


def best_row(rows: Sequence[EpochRow]) -> EpochRow:
    """The best of at least one row."""
    if rows[-1].validation_loss is None:
        return rows[-1]
    return max(rows, key=_goodness)


def ended(rows: Sequence[EpochRow], recipe: Recipe) -> bool:
    """Whether all epochs are done, or `patience` of them brought nothing better."""
    if not rows:
        return False
    waited = rows[-1].epoch - best_row(rows).epoch
    return len(rows) >= recipe.epochs or waited >= recipe.patience


def _goodness(row: EpochRow) -> tuple[float, float, int]:
    assert row.validation_loss is not None  # noqa: S101 (all rows of a run have it, or none)
    auroc = row.validation_pixel_auroc
    return (-1.0 if auroc is None else auroc, -row.validation_loss, -row.epoch)
