"""Which mask belongs to which picture, by their names.

Knows no layout. Every mask must find its picture: one that belongs to none is a typing error, or
its picture is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from app.errors import DatasetError
from app.offline.datasets.files import stem
from app.offline.datasets.pictures import mask_pixels

SUFFIX = "_mask"
Names = Callable[[str], set[str]]


def ending_in(suffix: str) -> Names:
    """Masks are called like their picture, plus `suffix`."""
    return lambda mask: {mask.removesuffix(suffix)} if mask.endswith(suffix) else set()


def alike(mask: str) -> set[str]:
    """Masks are called like their picture."""
    return {mask}


def alike_or_ending_in_mask(mask: str) -> set[str]:
    """Masks are called like their picture, or like it plus `_mask`."""
    return {mask, mask.removesuffix(SUFFIX)}


def match(
    masks: Sequence[Path], images: Sequence[Path], names: Names, known: dict[Path, Path]
) -> None:
    """Add {image: mask} to `known` for every mask; `names`: stem of a mask -> of its image.

    Raises DatasetError for a mask that fits no image or several, and an image with two masks.
    """
    by_stem: dict[str, list[Path]] = {}
    for image in images:
        by_stem.setdefault(stem(image), []).append(image)
    for mask in masks:
        fitting = [image for name in sorted(names(stem(mask))) for image in by_stem.get(name, [])]
        if not fitting:
            raise DatasetError(f"mask {mask} belongs to no image: expected one of its name")
        if len(fitting) > 1:
            raise DatasetError(
                f"mask {mask} could belong to {fitting[0]} or {fitting[1]}: expected one image of "
                "its name"
            )
        image = fitting[0]
        if image in known:
            raise DatasetError(f"image {image} has two masks, {known[image]} and {mask}")
        known[image] = mask


def refuse_marked(image: Path, mask: Path) -> None:
    """Raise DatasetError where the mask of a good image marks anything."""
    marked = int(mask_pixels(mask).sum())
    if marked:
        raise DatasetError(
            f"mask {mask} marks {marked} pixels of the good image {image}: expected none"
        )
