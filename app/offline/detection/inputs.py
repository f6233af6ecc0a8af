"""Which files an argument means: a folder, a pattern, a list in a text file, or one picture."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.errors import FieldError
from app.folders import pictures_in, walk
from app.images.formats import SUFFIXES
from app.offline.detection import lists
from app.offline.detection.pattern import fitting, fixed_part
from app.offline.detection.results import Heatmaps


@dataclass(frozen=True)
class Input:
    """path: the file; name: what it is called in the table, with `/`, unique among the inputs.

    A name is one line of printable text: what is not stands there as Python would write it.
    """

    path: Path
    name: str


def find_inputs(given: str, written: Path | None = None) -> list[Input]:
    """The files that `given` means, each once, sorted but for a list's own order.

    written: a folder of our own pictures; what lies in it, or among the heatmaps of another run,
    is meant by no folder and no pattern.

    A folder: its pictures, and those in folders below, told by their endings; those in a format
    that cannot be read are among them, to be refused by name. A pattern: `pattern.fitting`. Both
    leave out litter (`app.folders`). A list (`.txt`): `lists.listed_paths`.
    Raises FieldError where there is nothing of the kind, or no file, and OSError where a folder
    or the list cannot be read.
    """
    path = Path(given)
    if path.is_dir():
        found, base = sorted(_pictures(path, _ours(written))), path
    elif path.suffix.lower() == lists.SUFFIX and path.is_file():
        found, base = lists.listed_paths(path), path.parent
    elif path.is_file():
        found, base = [path], path.parent
    else:
        found, base = sorted(fitting(given, _ours(written))), fixed_part(given)
    if not found:
        raise FieldError(
            f"{given}: expected a folder with pictures ({', '.join(sorted(SUFFIXES))}), a pattern "
            f"that fits files, a list of paths ({lists.SUFFIX}), or a picture; heatmaps of an "
            "earlier run and what systems leave behind do not count"
        )
    return [Input(p, _name(p, base)) for p in dict.fromkeys(found)]


def _pictures(folder: Path, skip: Callable[[Path], bool]) -> Iterator[Path]:
    for below in walk(folder, skip):
        yield from pictures_in(below)


def _ours(written: Path | None) -> Callable[[Path], bool]:
    """Whether a folder holds what we wrote."""
    folder, heatmaps = written and written.resolve(), Heatmaps()

    def ours(path: Path) -> bool:
        within = folder is not None and path.resolve().is_relative_to(folder)
        return within or heatmaps.are_in(path)

    return ours


def _name(path: Path, base: Path) -> str:
    whole, root = path.absolute(), base.absolute()
    if whole.is_relative_to(root) and ".." not in whole.relative_to(root).parts:
        return _printable(whole.relative_to(root).as_posix())
    # Its place is told by a hash, so that two of one name do not meet.
    place = hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]
    return f"elsewhere/{place}-{_printable(path.name)}"


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
