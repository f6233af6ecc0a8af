"""The `folder` layout, for a user's own pictures.

    ROOT/good/*, ROOT/KIND/*                     one object, called like ROOT
    ROOT/OBJECT/good/*, ROOT/OBJECT/KIND/*       several objects
    beside good/: masks/NAME.png or masks/KIND/NAME.png, or KIND_mask/NAME.png
    beside a picture: NAME_mask.png

`good` may be called `ok` or `normal`. Every folder other than that and the masks' is a kind of
defect. What says masks is in `mask_names`; a mask is called like its image, perhaps with such a
word behind or before it, with any suffix of a picture. Either every anomalous image has one or
there are none.
"""

from __future__ import annotations

from pathlib import Path

from app.errors import DatasetError
from app.offline.datasets.appearance import look_like_masks
from app.offline.datasets.files import pictures, pictures_if_any, refuse_strays, subfolders
from app.offline.datasets.industrial import Pick
from app.offline.datasets.kinds import EXPECTED_GOOD, Kinds, good_folder, refuse_masks, told_apart
from app.offline.datasets.mask_names import mask_name, pictures_of
from app.offline.datasets.masks import match, match_below, part, refuse_marked
from app.offline.datasets.model import GOOD, Sample

_EXPECTED = f"{EXPECTED_GOOD}, and others in a folder per kind of defect"


def read_folder(root: Path, pick: Pick, object_name: str | None = None) -> list[Sample]:
    """The samples of one object or several, objects and kinds and files sorted by name.

    `object_name` is the one object's name instead of ROOT's.
    """
    folders = subfolders(root)
    if good_folder(folders):
        (name,) = pick([object_name or root.resolve().name])
        samples = _read_object(root, name)
    else:
        if object_name is not None or not any(good_folder(subfolders(f)) for f in folders):
            raise DatasetError(f"folder {root / GOOD} does not exist: expected {_EXPECTED}")
        wanted = pick([folder.name for folder in folders])
        for name in wanted:
            _refuse_masks_of_objects(root / name)
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
    kinds = told_apart(subfolders(folder))
    if kinds.good is None:
        raise DatasetError(f"folder {folder / GOOD} does not exist: expected {_EXPECTED}")
    refuse_strays(folder, _EXPECTED)
    masks: dict[Path, Path] = {}
    images = {
        kind.name: part(pictures(kind, "at least one picture"), masks)
        for kind in sorted((kinds.good, *kinds.defects), key=lambda path: path.name)
    }
    good = kinds.good.name
    refuse_masks({kind: files for kind, files in images.items() if kind != good}, images[good])
    _find_masks(kinds, good, images, masks)
    for image in images[good]:
        if image in masks:
            refuse_marked(image, masks[image])
    return [
        Sample(image, None, name, GOOD, False)
        if kind == good
        else Sample(image, masks.get(image), name, kind, True)
        for kind, files in images.items()
        for image in files
    ]


def _find_masks(
    kinds: Kinds, good: str, images: dict[str, list[Path]], known: dict[Path, Path]
) -> None:
    of_all = [folder for folder, kind in kinds.masks if kind is None]
    if len(of_all) > 1:
        raise DatasetError(f"masks lie in {of_all[0]} and in {of_all[1]}: expected one of them")
    for folder, kind in kinds.masks:
        before = len(known)
        if kind is None:
            match_below(folder, images, good, known)
        else:
            match(pictures_if_any(folder), images[kind.name], pictures_of, known)
        if len(known) == before:
            raise DatasetError(f"folder {folder} holds no mask: expected masks, or no such folder")


def _refuse_masks_of_objects(folder: Path) -> None:
    """Masks may lie beside the objects too, in folders like theirs."""
    good = good_folder(subfolders(folder))
    every = [path for kind in subfolders(folder) for path in pictures_if_any(kind)]
    if good and mask_name(folder.name) and look_like_masks(every):
        raise DatasetError(
            f"folder {folder} is called like masks and its pictures look like them: expected an "
            "object, with its masks beside its good/"
        )
