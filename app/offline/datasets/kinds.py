"""The folders beside each other: which one is good, which are kinds of defect, which hold masks.

Masks counted as defective pictures would be found at once and make every figure wrong: a folder
that may hold them is understood, or refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import DatasetError
from app.offline.datasets.appearance import have_few_values, look_like_masks
from app.offline.datasets.files import pictures_if_any, stem
from app.offline.datasets.mask_names import MaskName, mask_name

_GOOD_NAMES = frozenset(("good", "ok", "normal"))
EXPECTED_GOOD = "pictures of good parts in good/ (or ok/, or normal/)"


@dataclass(frozen=True)
class Kinds:
    """good: None where there is no such folder; defects: a folder per kind; masks: of whatever is
    there, or else with the folder of the kind that they are of.
    """

    good: Path | None
    defects: tuple[Path, ...]
    masks: tuple[tuple[Path, Path | None], ...]


def good_folder(folders: Sequence[Path]) -> Path | None:
    """The one whose pictures are good, by its name. Raises DatasetError where there are two."""
    found = [folder for folder in folders if folder.name.casefold() in _GOOD_NAMES]
    if len(found) > 1:
        raise DatasetError(
            f"folders {found[0]} and {found[1]} both say good: expected one of them, or another "
            "name for a kind of defect"
        )
    return found[0] if found else None


def told_apart(folders: Sequence[Path]) -> Kinds:
    """Which of the folders beside each other is what.

    Raises DatasetError for one whose name says masks, but not of which pictures.
    """
    good = good_folder(folders)
    said = {folder: mask_name(folder.name) for folder in folders if folder != good}
    kinds = {folder.name: folder for folder in folders if not said.get(folder)}
    defects, masks = [], []
    for folder, name in said.items():
        if name is None or _is_kind(folder, name, kinds):
            defects.append(folder)
            continue
        kind = name.of(kinds)
        if kind is None and not name.of_all:
            raise DatasetError(
                f"folder {folder} is called like masks, but not of which pictures they are: "
                "expected masks/ or KIND_mask/, or another name for a kind of defect"
            )
        masks.append((folder, None if kind is None else kinds[kind]))
    return Kinds(good, tuple(defects), tuple(masks))


def _is_kind(folder: Path, name: MaskName, kinds: dict[str, Path]) -> bool:
    """Whether a folder with a word as `label` in its name holds pictures of labels."""
    pictures = pictures_if_any(folder)
    if name.sure or not pictures or have_few_values(pictures):
        return False
    kind = name.of(kinds)
    twins = {stem(path) for path in pictures_if_any(kinds[kind])} if kind is not None else set()
    if name.of_all or (twins and twins >= {stem(path) for path in pictures}):
        raise DatasetError(
            f"folder {folder} is called like masks, but its pictures do not look like any: "
            "expected masks, or another name for a kind of defect"
        )
    return True


def refuse_masks(defects: dict[str, list[Path]], good: Sequence[Path]) -> None:
    """Raise DatasetError for a kind whose pictures look like masks, where the good ones do not.

    defects: the pictures by kind.
    """
    for pictures in defects.values():
        if pictures and look_like_masks(pictures) and not have_few_values(good):
            raise DatasetError(
                f"folder {pictures[0].parent}: its pictures have few values alone, as masks have, "
                "and the good ones have many: expected pictures of a kind of defect; masks belong "
                "into masks/"
            )
