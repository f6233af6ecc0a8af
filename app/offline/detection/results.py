"""Which folders hold heatmaps of ours: judged again, they would be parts that nobody made.

Told by the table beside them, which is there before the first heatmap is, under any name and also
as a spreadsheet saves it anew; and where there is none, by the names of the heatmaps.
Knows nothing of what is in a table.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

from app.folders import is_picture_name, pictures_in, walk

HEATMAPS = "heatmaps"
_TABLES = (".csv", ".jsonl")
# The first columns of every table so far, whatever stands between them.
_BEGINS = re.compile(
    rb"""(\xef\xbb\xbf)?"?file"?[,;\t]"?status"?[,;\t]"?decision"?[,;\t]"""
    rb"""|\{"file": ".*"decision": """
)
_ENOUGH = 64 * 1024  # bytes of a first line, with a file's name in it


class Heatmaps:
    """Which folders hold heatmaps of ours, each looked at once."""

    def __init__(self) -> None:
        self._known: dict[Path, bool] = {}

    def are_in(self, folder: Path) -> bool:
        """Whether a folder, wherever a link to it lies, is one of heatmaps or lies in one."""
        real = folder.resolve()
        return any(self._are(one) for one in (real, *real.parents) if one.name == HEATMAPS)

    def _are(self, folder: Path) -> bool:
        if folder not in self._known:
            self._known[folder] = _has_table(folder.parent) or _named_like_heatmaps(folder)
        return self._known[folder]


def _has_table(folder: Path) -> bool:
    try:
        return any(_is_table(path) for path in folder.iterdir() if path.suffix.lower() in _TABLES)
    except OSError:
        return False


def _is_table(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            begin = file.read(_ENOUGH)
    except OSError:
        return False
    # A kill may come before the first line of JSON, and after its heatmap.
    return bool(_BEGINS.match(begin)) or (not begin and path.stem == "results")


def _named_like_heatmaps(folder: Path) -> bool:
    """Whether every picture is called like one with `.png` behind it: `a.jpg.png`."""
    names = (path for below in walk(folder) for path in pictures_in(below))
    first = next(names, None)
    return first is not None and all(
        path.suffix == ".png" and is_picture_name(path.stem) for path in chain([first], names)
    )
