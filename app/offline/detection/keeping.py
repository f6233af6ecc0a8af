"""Lines into the table and heatmaps into their places, and what they replace out of the way.

Knows nothing of services.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from app.offline.detection.results import HEATMAPS
from app.offline.detection.table import Table

FAILED = "failed"
_LONGEST_NAME = 251  # bytes, and `.png`: file systems allow 255


class Keeper:
    """Keeps what came of `names`, of which the table may have older lines.

    Those and their heatmaps go all at once, and not before a first judgement has shown that it is
    of the table's category, method and model: a mistyped category must not take yesterday's lines.
    A heatmap is in its place before its line is written, so that a line never promises too much.
    """

    def __init__(self, table: Table, folder: Path, names: Collection[str]) -> None:
        self._table = table
        self._folder = folder
        self._old = [row for row in table.rows if row["file"] in names]
        self._held: list[dict[str, Any]] = []

    def keep(self, row: dict[str, Any]) -> None:
        """Raises FieldError, with nothing changed, for a row that does not fit the table."""
        self._table.check(row)  # before another model's heatmap takes the place of ours
        if self._old and row["decision"] == FAILED:
            self._held.append(row)
            return
        self.settle()
        self._keep_heatmap(row)
        self._table.add(row)

    def settle(self) -> None:
        """Take out what is replaced, and put in what was held back until now."""
        if self._old:
            self._table.remove({row["file"] for row in self._old})
            for row in self._old:
                if row["heatmap"]:
                    (self._folder / _place(row["file"])).unlink(missing_ok=True)
        for row in self._held:
            self._table.add(row)
        self._old, self._held = [], []

    def _keep_heatmap(self, row: dict[str, Any]) -> None:
        """Put the PNG into its place, and its place into the row."""
        if row["heatmap"] is None:
            return
        place = _place(row["file"])
        path = self._folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / ".unfinished.png"  # where no heatmap lies
        unfinished.write_bytes(base64.b64decode(row["heatmap"]))
        os.replace(unfinished, path)
        row["heatmap"] = place


def _place(name: str) -> str:
    """Where the heatmap of a file lies, from the results' folder."""
    return f"{HEATMAPS}/{'/'.join(map(_short, name.split('/')))}.png"


def _short(part: str) -> str:
    """The name of a file or folder, cut where a file system would not take it."""
    whole = part.encode()
    if len(whole) <= _LONGEST_NAME:
        return part
    # Told by a hash, so that two of one beginning do not meet.
    place = hashlib.sha256(whole).hexdigest()[:16]
    return f"{whole[:200].decode(errors='ignore')}-{place}"
