"""Which layouts there are, and opening a data set in one of them.

A layout is a reader and a domain; nothing else in the project asks for a data set's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from app.clipad.prompts import Domain
from app.errors import DatasetError
from app.offline.datasets.files import need_folder
from app.offline.datasets.folder import read_folder
from app.offline.datasets.industrial import Pick, read_mvtec, read_visa
from app.offline.datasets.instead import folder_instead
from app.offline.datasets.medical import read_brainmri, read_cvc, read_headct, read_isic
from app.offline.datasets.model import Dataset, Sample

_FOLDER, _MVTEC = "folder", "mvtec"
_READERS: dict[str, tuple[Callable[[Path, Pick], list[Sample]], Domain]] = {
    _MVTEC: (read_mvtec, Domain.INDUSTRIAL),
    "visa": (read_visa, Domain.INDUSTRIAL),
    "headct": (read_headct, Domain.HEADCT),
    "brainmri": (read_brainmri, Domain.BRAINMRI),
    "isic": (read_isic, Domain.SKIN),
    "cvc": (read_cvc, Domain.COLON),
    _FOLDER: (read_folder, Domain.INDUSTRIAL),
}

LAYOUTS: tuple[str, ...] = tuple(_READERS)
"""The names of all layouts."""


def open_dataset(
    layout: str,
    root: Path,
    objects: Sequence[str] | None = None,
    *,
    object_name: str | None = None,
) -> Dataset:
    """The data set under `root`: its files are found and paired, not yet decoded.

    `objects`: only these (None or empty: all), as the data set spells them or with spaces for
    underscores. `object_name`: what the one object of a `folder` is called instead of its folder.
    Raises DatasetError for an unknown layout or object, and for whatever is missing or does not
    fit; `check_dataset` looks into the files.
    """
    if layout not in _READERS:
        raise DatasetError(f"layout {layout!r} is unknown: expected one of {', '.join(LAYOUTS)}")
    root = need_folder(Path(root), f"the root of a data set in layout {layout}")
    read, domain = _READERS[layout]
    if object_name is not None:
        if layout != _FOLDER:
            raise DatasetError(f"object name {object_name!r}: expected none in layout {layout}")
        read = partial(read_folder, object_name=object_name)
    pick = partial(_pick, objects or ())
    try:
        samples = tuple(read(root, pick))
    except DatasetError as error:
        instead = folder_instead(root, pick) if layout == _MVTEC else None
        if instead is None:
            raise
        raise DatasetError(f"{error}; {instead}") from error
    anomalous = [sample for sample in samples if sample.anomalous]
    has_masks = bool(anomalous) and all(sample.mask for sample in anomalous)
    return Dataset(layout, root, domain, samples, has_masks)


def _pick(wanted: Sequence[str], there: Sequence[str]) -> list[str]:
    if not wanted:
        return list(there)
    words = {_words(name): name for name in wanted}
    known = {_words(name) for name in there}
    for spelling, name in words.items():
        if spelling not in known:
            raise DatasetError(f"object {name!r} is unknown: expected one of {', '.join(there)}")
    return [name for name in there if _words(name) in words]


def _words(name: str) -> str:
    return name.replace("_", " ").strip()
