"""Which state of a file a line of the table speaks of: its size and when it was changed.

A file that was replaced by one of the same size, set back to the same nanosecond, is not told from
it. Knows nothing of tables.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

_SECOND = 10**9
_FIRST, _LAST = -11_644_473_600, 253_402_300_799  # seconds; from 1601, as Windows has it, to 9999


class Stamp(NamedTuple):
    """bytes: of the file; modified: ISO 8601 in UTC, with nanoseconds. "" where it is not known."""

    bytes: int | str
    modified: str


NONE = Stamp("", "")


def read(path: Path) -> tuple[bytes, Stamp]:
    """A file's content and its state before it was read: if it changes meanwhile, it has changed.

    Raises OSError.
    """
    with path.open("rb") as file:
        stamp = _stamp(os.fstat(file.fileno()))
        return file.read(), stamp


def is_changed(path: Path, row: Mapping[str, Any]) -> bool:
    """Whether a file is another one than the row with its `bytes` and `modified` speaks of.

    One that is away has not changed as far as can be told: what it was is still known. One whose
    state is not known has.
    """
    try:
        now = _stamp(path.stat())
    except OSError:
        return False
    return (str(now.bytes), now.modified) != (str(row["bytes"]), str(row["modified"]))


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, _moment(status.st_mtime_ns))


def _moment(ns: int) -> str:
    seconds, rest = divmod(ns, _SECOND)
    seconds = min(max(seconds, _FIRST), _LAST)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
