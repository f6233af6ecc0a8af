"""What names say of masks: `gt`, `mask_dir`, `GroundTruth`, `scratch_mask`, `000_label`.

Some words say it for sure, others are said of parts too: a bottle has a label. Opens no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.offline.datasets.files import composed

_SURE = frozenset(
    (
        "mask", "masks", "maske", "masken", "masque", "masques", "gt", "gts", "truth", "truths",
        "groundtruth", "groundtruths", "segmentation", "segmentations", "seg", "segs", "segmap",
        "segmaps",
    )
)  # fmt: skip
_PERHAPS = frozenset(
    (
        "label", "labels", "labeled", "labelled", "labelmap", "labelmaps", "annotation",
        "annotations", "annotated", "annot", "annots", "anno", "annos",
    )
)  # fmt: skip
_FILLING = frozenset(
    (
        "all", "anomalies", "anomaly", "bad", "binary", "bmp", "class", "classes", "data", "defect",
        "defects", "dir", "dirs", "directory", "file", "files", "folder", "folders", "ground",
        "image", "images", "img", "imgs", "ko", "map", "maps", "ng", "object", "of", "pic", "pics",
        "picture", "pictures", "pixel", "pixels", "png", "test", "tif",
    )
)  # fmt: skip
_WORD = "|".join(sorted((*_SURE, *_PERHAPS, "ground[ _.-]?truths?"), key=len, reverse=True))
_BEHIND = re.compile(rf"(.+?)((?:[ _.-]+(?:{_WORD}))+)", re.IGNORECASE)
_BEFORE = re.compile(rf"(?:{_WORD})[ _.-]+(.+)", re.IGNORECASE)
_PICTURE = re.compile(r"(.+)\.(?:png|jpe?g|bmp|tiff?|webp)", re.IGNORECASE)

Key = tuple[str, ...]
"""The words of a name, which is how names are compared: `Scratch 2` is `scratch_2`."""


def key(name: str) -> Key:
    """The words of a name in lower case; a capital behind a small letter begins one."""
    parted = re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])", " ", composed(name))
    return tuple(re.findall(r"[^\W_]+", parted.casefold()))


@dataclass(frozen=True)
class MaskName:
    """A name with a word for masks. sure: the word is said of nothing else; rest: the others."""

    sure: bool
    rest: Key

    @property
    def of_all(self) -> bool:
        """Whether nothing else is said, as by `mask_dir`: masks of whatever there is."""
        return all(word.isdecimal() for word in self._meant)

    def of(self, kinds: Iterable[str]) -> str | None:
        """The one of these kinds that the rest names, as `scratch_mask` does."""
        named = {key(kind): kind for kind in kinds}
        unnumbered = tuple(word for word in self._meant if not word.isdecimal())
        tried = (named.get(words) for words in (self.rest, self._meant, unnumbered))
        return next(filter(None, tried), None)

    @property
    def _meant(self) -> Key:
        return tuple(word for word in self.rest if word not in _FILLING)


def mask_name(name: str) -> MaskName | None:
    """What a folder's name says of masks; None where it says nothing."""
    words = [part for word in key(name) for part in _parted(word)]
    said = [word for word in words if word.rstrip("0123456789") in _SURE | _PERHAPS]
    if not said:
        return None
    sure = any(word.rstrip("0123456789") in _SURE for word in said)
    return MaskName(sure, tuple(word for word in words if word not in said))


def _parted(word: str) -> list[str]:
    """`scratchmask` is two words."""
    found = re.fullmatch(r"(.{3,})(masks?)(\d*)", word)
    return [found[1], found[2]] if found else [word]


def pictures_of(mask: str) -> set[str]:
    """What the picture may be called whose mask has this stem; both in composed form.

    Like the mask, or like it without a word for masks behind or before it, or without the
    picture's own ending: `7`, `7_mask`, `gt-7`, `7.png`.
    """
    names, new = {mask}, {mask}
    while new:
        matches = (form.fullmatch(name) for name in new for form in (_BEHIND, _BEFORE, _PICTURE))
        new = {found[1] for found in matches if found} - names
        names |= new
    return names


def says_mask_for_sure(mask: str) -> bool:
    """Whether a file's stem ends or begins with a word that is said of masks alone."""
    behind, before = _BEHIND.fullmatch(mask), _BEFORE.fullmatch(mask)
    said = (behind[2] if behind else "") + (mask[: before.start(1)] if before else "")
    return any(word in _SURE for word in key(said))
