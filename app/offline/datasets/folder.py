"""The `folder` layout, for a user's own pictures.

    ROOT/good/*, ROOT/KIND/*                     one object, called like ROOT
    ROOT/OBJECT/good/*, ROOT/OBJECT/KIND/*       several objects
    beside good/: masks/NAME.png or masks/KIND/NAME.png (also mask/ or ground_truth/)

Every folder other than `good` and the masks' is a kind of defect. A mask is called like its image,
perhaps with `_mask` behind it, with any suffix of a picture. Either every anomalous image has one
or there are none.
"""

from __future__ import annotations

from pathlib import Path

from app.errors import DatasetError
from app.offline.datasets.files import (
    need_folder,
    pictures,
    pictures_if_any,
    refuse_strays,
    subfolders,
)
from app.offline.datasets.industrial import Pick
from app.offline.datasets.masks import alike_or_ending_in_mask, match, refuse_marked
from app.offline.datasets.model import GOOD, Sample

_MASK_FOLDERS = ("masks", "mask", "ground_truth")
_EXPECTED = "pictures in good/, and others in a folder per kind of defect"


def read_folder(root: Path, pick: Pick, object_name: str | None = None) -> list[Sample]:
    """The samples of one object or several, objects and kinds and files sorted by name.

    `object_name` is the one object's name instead of ROOT's.
    """
    if (root / GOOD).is_dir():
        (name,) = pick([object_name or root.resolve().name])
        samples = _read_object(root, name)
    else:
        folders = subfolders(root)
        if object_name is not None or not any((folder / GOOD).is_dir() for folder in folders):
            raise DatasetError(f"folder {root / GOOD} does not exist: expected {_EXPECTED}")
        wanted = pick([folder.name for folder in folders])
        samples = [sample for name in wanted for sample in _read_object(root / name, name)]
    anomalous = [sample for sample in samples if sample.anomalous]
    if any(sample.mask for sample in anomalous):
        for sample in anomalous:
            if sample.mask is None:
                raise DatasetError(
                    f"image {sample.image} has no mask: expected one, since others have theirs"
                )
    return samples


def _read_object(folder: Path, name: str) -> list[Sample]:
    need_folder(folder / GOOD, _EXPECTED)
    refuse_strays(folder, _EXPECTED)
    kinds = [path for path in subfolders(folder) if path.name.casefold() not in _MASK_FOLDERS]
    images = {kind.name: pictures(kind, "at least one picture") for kind in kinds}
    masks = _masks(folder, images)
    for image in images[GOOD]:
        if image in masks:
            refuse_marked(image, masks[image])
    return [
        Sample(image, masks.get(image) if kind != GOOD else None, name, kind, kind != GOOD)
        for kind, files in images.items()
        for image in files
    ]


def _masks(folder: Path, images: dict[str, list[Path]]) -> dict[Path, Path]:
    found = [path for path in subfolders(folder) if path.name.casefold() in _MASK_FOLDERS]
    known: dict[Path, Path] = {}
    if not found:
        return known
    if len(found) > 1:
        raise DatasetError(f"masks lie in {found[0]} and in {found[1]}: expected one of them")
    (truth,) = found
    for kind in subfolders(truth):
        match(pictures_if_any(kind), images.get(kind.name, []), alike_or_ending_in_mask, known)
    everything = [image for files in images.values() for image in files]
    match(pictures_if_any(truth), everything, alike_or_ending_in_mask, known)
    if not known:
        raise DatasetError(f"folder {truth} holds no mask: expected masks, or no such folder")
    return known
