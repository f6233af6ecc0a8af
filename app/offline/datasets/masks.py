"""Which mask belongs to which picture, by their names.

Knows no layout. Every mask must find its picture: one that belongs to none is a typing error, or
its picture is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from app.errors import DatasetError
from app.offline.datasets.appearance import have_few_values
from app.offline.datasets.files import composed, pictures_if_any, stem, subfolders
from app.offline.datasets.mask_names import pictures_of, says_mask_for_sure
from app.offline.datasets.pictures import mask_pixels

Names = Callable[[str], set[str]]


def ending_in(suffix: str) -> Names:
    """Masks are called like their picture, plus `suffix`."""
    return lambda mask: {mask.removesuffix(suffix)} if mask.endswith(suffix) else set()


def alike(mask: str) -> set[str]:
    """Masks are called like their picture."""
    return {mask}


def match(
    masks: Sequence[Path],
    images: Sequence[Path],
    names: Names,
    known: dict[Path, Path],
    good: Collection[Path] = (),
) -> None:
    """Add {image: mask} to `known` for every mask; `names`: stem of a mask -> of its image.

    Of a good and a defective image of a mask's name, the defective one has it.
    Raises DatasetError for a mask that fits no image or several, and an image with two masks.
    """
    by_stem: dict[str, list[Path]] = {}
    for image in images:
        by_stem.setdefault(stem(image), []).append(image)
    for mask in masks:
        fitting = [image for name in sorted(names(stem(mask))) for image in by_stem.get(name, [])]
        if not fitting:
            raise DatasetError(f"mask {mask} belongs to no image: expected one of its name")
        fitting = [image for image in fitting if image not in good] or fitting
        if len(fitting) > 1:
            raise DatasetError(
                f"mask {mask} could belong to {fitting[0]} or {fitting[1]}: expected one image of "
                "its name"
            )
        add(fitting[0], mask, known)


def add(image: Path, mask: Path, known: dict[Path, Path]) -> None:
    """Add {image: mask} to `known`. Raises DatasetError where the image has another."""
    if image in known:
        raise DatasetError(f"image {image} has two masks, {known[image]} and {mask}")
    known[image] = mask


def match_below(
    truth: Path, images: Mapping[str, Sequence[Path]], good: str | None, known: dict[Path, Path]
) -> None:
    """`match` for the masks in a folder, by kinds or all together; good: that kind's name.

    images: the pictures by kind, as their folders are called. Raises DatasetError also for a
    folder of no kind with masks in it.
    """
    kinds = {composed(name): files for name, files in images.items()}
    for kind in subfolders(truth):
        match(pictures_if_any(kind), kinds.get(composed(kind.name), []), pictures_of, known)
    everything = [image for files in images.values() for image in files]
    normal = frozenset(images.get(good, ())) if good is not None else frozenset()
    match(pictures_if_any(truth), everything, pictures_of, known, normal)


def part(files: Sequence[Path], known: dict[Path, Path]) -> list[Path]:
    """The pictures among the files of one folder, less the masks beside them (`7.png, 7_mask.png`).

    Those are added to `known`. A word that is also said of parts (`7_label.png`) makes a mask only
    of what looks like one. Raises DatasetError for a mask beside others that has no picture.
    """
    by_stem: dict[str, list[Path]] = {}
    for path in files:
        by_stem.setdefault(stem(path), []).append(path)
    beside: dict[Path, Path] = {}
    alone = []
    for path in files:
        others = pictures_of(stem(path)) - {stem(path)}
        owners = [owner for name in sorted(others) for owner in by_stem.get(name, [])]
        sure = says_mask_for_sure(stem(path))
        if owners and (sure or have_few_values([path])):
            beside[path] = owners[0]
        elif sure and not owners:
            alone.append(path)
    if beside and alone:
        raise DatasetError(f"mask {alone[0]} belongs to no image: expected one of its name")
    for mask, image in beside.items():
        add(image, mask, known)
    return [path for path in files if path not in beside]


def refuse_marked(image: Path, mask: Path) -> None:
    """Raise DatasetError where the mask of a good image marks anything."""
    marked = int(mask_pixels(mask).sum())
    if marked:
        raise DatasetError(
            f"mask {mask} marks {marked} pixels of the good image {image}: expected none"
        )
