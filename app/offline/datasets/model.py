"""What a data set is, once its layout is read: samples in file order.

Knows nothing of layouts and decodes no file; only `Dataset.digest` reads their bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from app.clipad.prompts import Domain
from app.errors import DatasetError

GOOD = "good"
"""The kind of every good sample."""


@dataclass(frozen=True)
class Sample:
    """One picture: its files, the object on it and whether it is anomalous.

    `mask` is None for a good picture and where the data set has no masks; `object` is spelt as the
    data set spells it (`metal_nut`); `kind` is "good" or the defect's name.
    """

    image: Path
    mask: Path | None
    object: str
    kind: str
    anomalous: bool


@dataclass(frozen=True)
class Dataset:
    """The samples of a data set in file order; those of one object stand together.

    `root` is the folder as the user gave it, `domain` decides the state words of the prompts, and
    `has_masks` says that there are anomalous samples and each of them has a mask.
    """

    layout: str
    root: Path
    domain: Domain
    samples: tuple[Sample, ...]
    has_masks: bool

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects' names, in order."""
        return tuple(dict.fromkeys(sample.object for sample in self.samples))

    def of(self, object: str) -> tuple[Sample, ...]:
        """The samples of one object, in order; none for an unknown one."""
        return tuple(sample for sample in self.samples if sample.object == object)

    @property
    def digest(self) -> str:
        """sha256 over relative paths, labels and contents: where the root lies does not matter.

        Raises DatasetError for a file that cannot be read.
        """
        digest = hashlib.sha256()
        for sample in self.samples:
            row = [
                sample.object,
                sample.kind,
                sample.anomalous,
                *self._identity(sample.image),
                *(self._identity(sample.mask) if sample.mask else ()),
            ]
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()

    def _identity(self, path: Path) -> tuple[str, str]:
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            return path.relative_to(self.root).as_posix(), content
        except OSError as error:
            raise DatasetError(f"{path}: {error.strerror or error}: expected a file") from error


def describe(dataset: Dataset) -> str:
    """One line: how many objects, images, anomalous ones and masks there are."""
    anomalous = sum(sample.anomalous for sample in dataset.samples)
    masks = sum(sample.mask is not None for sample in dataset.samples)
    objects = len(dataset.objects)
    return (
        f"{dataset.layout} {dataset.root}: {objects} object{'s' * (objects != 1)}, "
        f"{len(dataset.samples)} images, {anomalous} anomalous, {masks or 'no'} masks"
    )
