"""A list of files in a text: a path a line, relative to the list's own folder.

Knows nothing of what the files are.
"""

from __future__ import annotations

import codecs
import io
import os
from pathlib import Path

from app.errors import FieldError

SUFFIX = ".txt"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def listed_paths(path: Path) -> list[Path]:
    """The paths of a list, in its order; empty lines and those with `#` do not count.

    UTF-8, or UTF-16 with its mark. Backslashes are as good as slashes where no file's name has
    them. Raises FieldError for text in anything else, and OSError.
    """
    data = path.read_bytes()
    marked = data.startswith(_UTF_16)
    try:
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        wrong = f"byte 0x{data[error.start]:02x} in line {line}"
        raise FieldError(
            f"{path}: {wrong} is no UTF-{16 if marked else 8}: "
            "expected a list of paths in UTF-8, or in UTF-16 with its mark"
        ) from error
    if "\0" in text:
        raise FieldError(
            f"{path}: has a zero in it, which no path has: expected a list of paths in UTF-8, or "
            "in UTF-16 with its mark"
        )
    # Not `splitlines`, which ends lines at characters that a name may have.
    lines = (line.strip() for line in io.StringIO(text, newline=None))
    return [_meant(path.parent, line) for line in lines if line and not line.startswith("#")]


def _meant(folder: Path, line: str) -> Path:
    turned = line.replace("\\", "/")
    if turned != line and not os.path.lexists(folder / line):
        return folder / turned
    return folder / line
