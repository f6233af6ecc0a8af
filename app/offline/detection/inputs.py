"""Which files an argument means: a folder, a pattern, a list in a text file, or one picture."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.errors import FieldError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_LIST = ".txt"


@dataclass(frozen=True)
class Input:
    """path: the file; name: what it is called in the table, with `/`, unique among the inputs.

    A name is one line of printable text: what is not stands there as Python would write it.
    """

    path: Path
    name: str


def find_inputs(given: str, written: Path | None = None) -> list[Input]:
    """The files that `given` means, each once, sorted but for a list's own order.

    written: a folder of our own pictures; what lies in it is meant by no folder and no pattern.

    A folder: its pictures, and those in folders below, told by their endings. A list (`.txt`): a
    path a line, relative to the list's folder; empty lines and those with `#` do not count.
    Raises FieldError where there is nothing of the kind, or no file.
    """
    path = Path(given)
    if path.is_dir():
        pictures = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        found = sorted(_outside(written, pictures))
        base = path
    elif path.suffix.lower() == _LIST and path.is_file():
        found, base = _listed(path), path.parent
    elif path.is_file():
        found, base = [path], path.parent
    else:
        matches = (Path(p) for p in glob.glob(given, recursive=True))
        found = sorted(_outside(written, (p for p in matches if p.is_file())))
        base = _fixed_part(given)
    if not found:
        raise FieldError(
            f"{given}: expected a folder with pictures ({', '.join(SUFFIXES)}), a pattern that "
            f"fits files, a list of paths ({_LIST}), or a picture"
        )
    return [Input(p, _name(p, base)) for p in dict.fromkeys(found)]


def _outside(written: Path | None, paths: Iterable[Path]) -> Iterator[Path]:
    if written is None:
        yield from paths
        return
    folder = written.resolve()
    within: dict[Path, bool] = {}  # of folders: there are fewer of them, and links are slow
    for path in paths:
        if path.parent not in within:
            within[path.parent] = path.parent.resolve().is_relative_to(folder)
        if not within[path.parent]:
            yield path


def _listed(path: Path) -> list[Path]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    return [path.parent / line for line in lines if line and not line.startswith("#")]


def _fixed_part(pattern: str) -> Path:
    """The folder before the first part that is a pattern."""
    parts = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def _name(path: Path, base: Path) -> str:
    whole, root = path.absolute(), base.absolute()
    if whole.is_relative_to(root) and ".." not in whole.relative_to(root).parts:
        return _printable(whole.relative_to(root).as_posix())
    # Its place is told by a hash, so that two of one name do not meet.
    place = hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]
    return f"elsewhere/{place}-{_printable(path.name)}"


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
