"""A pattern as shells have it, `*`, `?`, `[ab]` and `**`, -> the files that it fits.

Litter fits only where the pattern spells it: `*` is no `@eaDir` and no `.a`, `.*` and `@eaDir` are.
Why not `glob`: its `**` follows links round in circles, some forty times each, and leads into
litter. Knows nothing of pictures but their suffixes.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from app.folders import is_litter, is_picture, walk

_ANY_FOLDERS = "**"
_ANYTHING = frozenset(("*", "*.*", _ANY_FOLDERS))


def fixed_part(pattern: str) -> Path:
    """The folder before the first part that is a pattern."""
    parts = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def fitting(pattern: str, skip: Callable[[Path], bool]) -> Iterator[Path]:
    """The files that the pattern fits, in no order, some perhaps twice; none in a skipped folder.

    Where its last part fits anything (`*`, `*.*`, `**`) only pictures are meant, as by a folder.
    Raises OSError for a folder that cannot be listed.
    """
    base = fixed_part(pattern)
    parts = Path(pattern).parts[len(base.parts) :]
    if not base.is_dir():
        return
    for path in _below(base, parts, skip):
        if path.is_file() and (parts[-1] not in _ANYTHING or is_picture(path)):
            yield path


def _below(folder: Path, parts: Sequence[str], skip: Callable[[Path], bool]) -> Iterator[Path]:
    if skip(folder):
        return
    first, rest = parts[0], parts[1:]
    if first == _ANY_FOLDERS:
        for deeper in walk(folder, skip):
            yield from _below(deeper, rest or ["*"], skip)
        return
    for path in _fitting_names(folder, first):
        if not rest:
            yield path
        elif path.is_dir():
            yield from _below(path, rest, skip)


def _fitting_names(folder: Path, part: str) -> Iterator[Path]:
    if not glob.has_magic(part):
        yield folder / part
        return
    for path in folder.iterdir():
        if fnmatchcase(path.name, part) and _may_fit(path.name, part):
            yield path


def _may_fit(name: str, part: str) -> bool:
    return part.startswith(".") if name.startswith(".") else not is_litter(name)
