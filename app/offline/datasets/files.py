"""Listing folders and reading tables: what every layout does, with errors that name the file.

What is a picture and what is litter, `app.folders` says; all else (`license.txt`) is passed over.
A picture in a format that cannot be read is listed, to be refused by name: left out without a
word, it would be missing from every figure. Names are compared in Unicode's composed form, since
some file systems take names apart. Knows no layout.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import DatasetError
from app.folders import folders_in, pictures_in


def need_folder(folder: Path, expected: str) -> Path:
    """The folder itself. Raises DatasetError where there is none."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise DatasetError(f"folder {folder} {what}: expected {expected}")
    return folder


def pictures(folder: Path, expected: str) -> list[Path]:
    """The pictures directly in a folder, sorted by name.

    Raises DatasetError where there is no such folder, no picture in it, or one too deep in it.
    """
    found = pictures_if_any(need_folder(folder, expected))
    for deeper in subfolders(folder) if found else ():
        for path in pictures_if_any(deeper):
            raise DatasetError(f"picture {path} lies in a folder too deep: expected {expected}")
    if not found:
        raise DatasetError(f"folder {folder} holds no picture: expected {expected}")
    return found


def pictures_if_any(folder: Path) -> list[Path]:
    """The pictures directly in an existing folder, sorted by name; perhaps none."""
    return _all_utf8(folder, pictures_in)


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in an existing folder, sorted by name."""
    return _all_utf8(folder, folders_in)


def refuse_strays(folder: Path, expected: str) -> None:
    """Raise DatasetError for a picture lying directly in `folder`: nothing says what it shows."""
    for path in pictures_if_any(folder):
        raise DatasetError(f"picture {path} lies in no folder of a kind: expected {expected}")


def composed(name: str) -> str:
    """A name in Unicode's composed form."""
    return unicodedata.normalize("NFC", name)


def stem(path: Path) -> str:
    """The file's name less its suffix, in Unicode's composed form."""
    return composed(path.stem)


@dataclass(frozen=True)
class Row:
    """One line of a table: where it stands, and its values by column."""

    table: Path
    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def error(self, message: str) -> DatasetError:
        """A DatasetError that names the table and the line."""
        return DatasetError(f"{self.table}, line {self.line}: {message}")


def table(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a CSV file with a header; white space around names and values does not count.

    Raises DatasetError for a file that is missing or no UTF-8 text, a missing column, a row that is
    too short, and a table without rows.
    """
    if not path.is_file():
        raise DatasetError(f"table {path} does not exist: expected columns {', '.join(columns)}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            for column in columns:
                if column not in header:
                    raise DatasetError(
                        f"table {path} has no column {column!r} but {', '.join(header) or 'none'}: "
                        f"expected {', '.join(columns)}"
                    )
            count = 0
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    count += 1
                    yield _row(path, reader.line_num, header, columns, cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"table {path} cannot be read ({error}): expected UTF-8 CSV") from error
    if not count:
        raise DatasetError(f"table {path} has no rows: expected one per image")


def _row(
    path: Path, line: int, header: Sequence[str], columns: Sequence[str], cells: Sequence[str]
) -> Row:
    values = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    row = Row(path, line, {name: values.get(name, "") for name in columns})
    missing = [name for name in columns if name not in values]
    if missing:
        raise row.error(f"no value for {missing[0]!r}: expected {len(header)} values")
    return row


def _all_utf8(folder: Path, listed: Callable[[Path], list[Path]]) -> list[Path]:
    try:
        found = listed(folder)
    except OSError as error:
        raise DatasetError(f"folder {folder} cannot be listed: {error.strerror}") from error
    for path in found:
        try:
            str(path).encode()
        except UnicodeEncodeError as error:  # could stand in no report
            raise DatasetError(f"name {str(path)!a}: expected UTF-8") from error
    return found
