"""The table of results, a line per file: written so that a kill leaves whole lines alone.

CSV is for spreadsheets: it begins with a mark, and no cell of it runs as a formula
(`app.spreadsheet`). JSONL has everything unchanged.

A version before this one noted neither size nor time of change of a file, and wrote no mark. Such a
table is taken over, its lines with nothing noted.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.errors import FieldError
from app.ids import key_of
from app.offline.detection import stamp
from app.offline.detection.stamp import Stamp
from app.spreadsheet import MARK, guarded, unguarded

_OLD_COLUMNS = (
    "file",
    "status",
    "decision",
    "anomaly_score",
    "anomaly_threshold",
    "p_value",
    "text",
    "map",
    "regions",
    "category",
    "object",
    "method",
    "heatmap",
    "fingerprint",
    "problem",
)
COLUMNS = (*_OLD_COLUMNS, *Stamp._fields)
_TEXTS = ("file", "category", "object", "problem")
_SAME = ("category", "method", "fingerprint")  # of all lines of one table
_NAMES = dict(zip(COLUMNS, COLUMNS, strict=True))

# A picture with some thousand regions has more in one cell than the 128 KiB that `csv` allows.
csv.field_size_limit(2**31 - 1)


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


class Table:
    """Lines of a file, appended one by one; whoever opens it again sees those that are whole.

    Each line is on the disk before the next is asked for. `rows`: of an earlier run, then all.
    `taken_over`: how many of them a version before this one wrote, found at this opening.
    Raises FieldError for a file that is no such table, and leaves it as it is.
    """

    def __init__(self, path: Path, form: Format) -> None:
        self.path = path
        self._form = form
        self._header = MARK + _csv_line(_NAMES) if form is Format.CSV else ""
        self.taken_over = 0
        self.rows = self._read_back()
        self._same = {name: _first(row[name] for row in self.rows) for name in _SAME}
        self._file = path.open("ab")
        if not path.stat().st_size:
            self._append(self._header)

    def close(self) -> None:
        """Nothing is added any more."""
        self._file.close()

    def check(self, row: Mapping[str, Any]) -> None:
        """Raises FieldError for a row of another category, method or model than any before it.

        Lines taken out since this opening count.
        """
        for name in _SAME:
            before = self._same[name]
            # A category is the same in any spelling of its id; the others have one spelling.
            if before and row[name] and key_of(str(row[name])) != key_of(before):
                raise FieldError(
                    f"{self.path}: its lines have {name} {before!r}, this run has "
                    f"{row[name]!r}: expected the same; name another folder, or start --fresh"
                )

    def add(self, row: Mapping[str, Any]) -> None:
        """Raises FieldError as `check` does."""
        self.check(row)
        self._append(self._line(row))
        self.rows.append(dict(row))
        self._same = {name: self._same[name] or _first([row[name]]) for name in _SAME}

    def remove(self, files: Collection[str]) -> None:
        """Take out the lines of these files: a kill leaves the table with all of them or none."""
        kept = [row for row in self.rows if row["file"] not in files]
        if len(kept) == len(self.rows):
            return
        self._rewrite(kept)
        self._file.close()
        self._file = self.path.open("ab")
        self.rows = kept

    def _rewrite(self, rows: Iterable[Mapping[str, Any]]) -> None:
        unfinished = self.path.with_name(f".{self.path.name}")
        with unfinished.open("wb") as file:
            file.write(self._header.encode())
            file.writelines(self._line(row).encode() for row in rows)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self.path)

    def _line(self, row: Mapping[str, Any]) -> str:
        whole = {name: row.get(name) for name in COLUMNS}
        return _csv_line(whole) if self._form is Format.CSV else json.dumps(whole) + "\n"

    def _append(self, line: str) -> None:
        self._file.write(line.encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read_back(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        whole = self.path.read_bytes()
        kept = whole[: whole.rfind(b"\n") + 1]
        try:
            if not kept and not self._may_begin(whole):
                raise ValueError(f"it begins with {whole[:40]!r}")
            rows = list(self._parsed(kept.decode()))
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise FieldError(
                f"{self.path}: is no table of results ({error}); name another folder, or start "
                "--fresh"
            ) from error
        for row in rows:
            if "modified" not in row:
                self.taken_over += 1
                row |= stamp.NONE._asdict()
        if self.taken_over or not kept.startswith(self._header.encode()):
            self._rewrite(rows)  # less what a kill left of a line
        elif kept != whole:
            with self.path.open("r+b") as file:
                file.truncate(len(kept))
        return rows

    def _may_begin(self, part: bytes) -> bool:
        """Whether a kill can have left this much of a first line, in this version or before."""
        if self._form is Format.CSV:
            old = ",".join(_OLD_COLUMNS).encode() + b"\n"
            return self._header.encode().startswith(part) or old.startswith(part)
        first = b'{"file": "'
        return part.startswith(first) or first.startswith(part)

    def _parsed(self, text: str) -> Iterator[dict[str, Any]]:
        """The rows, without the columns that a version before this one did not have."""
        if self._form is Format.JSONL:
            rows = [json.loads(line) for line in text.splitlines()]
        else:
            reader = csv.DictReader(io.StringIO(text.removeprefix(MARK), newline=""))
            if text and tuple(reader.fieldnames or ()) not in (COLUMNS, _OLD_COLUMNS):
                raise ValueError(f"its first line is {reader.fieldnames}")
            rows = [row | {name: unguarded(row[name] or "") for name in _TEXTS} for row in reader]
        for row in rows:
            yield {name: row[name] for name in (COLUMNS if "modified" in row else _OLD_COLUMNS)}


def _first(values: Iterable[Any]) -> str:
    """The first that is not empty; "" where all are."""
    return next((str(value) for value in values if value), "")


def _csv_line(row: Mapping[str, Any]) -> str:
    cells = {**row, **{name: _guarded(row[name]) for name in _TEXTS}}
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(_cell(cells[name]) for name in COLUMNS)
    return buffer.getvalue()


def _guarded(text: str | None) -> str | None:
    if text is None:
        return None
    # A line of the table is a line of the file; only a problem's text has more than one.
    return guarded(text.replace("\r", " ").replace("\n", " "))


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
