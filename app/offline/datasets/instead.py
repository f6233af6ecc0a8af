"""Where MVTec-AD's layout does not fit for want of masks: how the layout `folder` would.

It needs no masks. It is named only where it has been found to read the pictures.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from app.errors import DatasetError
from app.offline.datasets.files import pictures_if_any, subfolders
from app.offline.datasets.folder import read_folder
from app.offline.datasets.industrial import Pick, truth_folder
from app.offline.datasets.kinds import good_folder


def folder_instead(root: Path, pick: Pick) -> str | None:
    """What to name instead of `mvtec ROOT`; None where the layout `folder` would not do either."""
    try:
        return _instead(root, pick)
    except DatasetError:
        return None


def _instead(root: Path, pick: Pick) -> str | None:
    if (root / "test").is_dir():
        return _of_object(root)
    folders = subfolders(root)
    if good_folder(folders) or any(good_folder(subfolders(folder)) for folder in folders):
        read_folder(root, pick)
        return f"the layout folder would do: folder {quote(str(root))}"
    for name in pick([folder.name for folder in folders if (folder / "test").is_dir()]):
        said = _of_object(root / name)
        if said is not None:
            return said
    return None


def _of_object(folder: Path) -> str | None:
    truth, test = truth_folder(folder), folder / "test"
    if truth is not None and any(map(pictures_if_any, (truth, *subfolders(truth)))):
        return None
    name = folder.resolve().name
    read_folder(test, list, name)
    return (
        "to evaluate without masks the layout folder would do, an object at a time: "
        f"folder {quote(str(test))} --object-name {quote(name)}"
    )
