"""What a run writes for people to look at: `epochs.csv`, `steps.csv` and TensorBoard events.

All of it follows from the run's state and is written anew when a run starts or is resumed, so a
killed run leaves neither double nor missing rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from app.offline.files import write_text
from app.offline.training.history import EpochRow, best_row

_COLUMNS = tuple(field.name for field in fields(EpochRow))
_FIGURES = ("loss", "validation_loss", "validation_pixel_auroc", "validation_pro")


class Records:
    """The three records of a run under `folder`; `steps` are the batches of an epoch."""

    def __init__(
        self, folder: Path, steps: int, losses: Sequence[float], rows: Sequence[EpochRow]
    ) -> None:
        # Slow to import, and not wanted where nothing is trained.
        from tensorboardX import SummaryWriter

        self._folder, self._steps = folder, steps
        events = folder / "tensorboard"
        for old in events.glob("events.out.tfevents.*"):
            old.unlink()
        self._events = SummaryWriter(str(events))
        for number, loss in enumerate(losses):
            self.step(number + 1, loss)
        for row in rows:
            self._add(row)
        self.write_tables(losses, rows)

    def step(self, number: int, loss: float) -> None:
        """The loss of step `number`, counted from 1 over all epochs."""
        self._events.add_scalar("step/loss", loss, number)

    def epoch(self, losses: Sequence[float], rows: Sequence[EpochRow]) -> None:
        """The last of `rows` has been added."""
        self._add(rows[-1])
        self._events.flush()
        self.write_tables(losses, rows)

    def write_tables(self, losses: Sequence[float], rows: Sequence[EpochRow]) -> None:
        """Write both CSV files anew."""
        best = best_row(rows).epoch if rows else 0
        table = [(*asdict(row).values(), int(row.epoch == best)) for row in rows]
        self._write("epochs.csv", (*_COLUMNS, "best"), table)
        by_step = ((i + 1, i // self._steps + 1, loss) for i, loss in enumerate(losses))
        self._write("steps.csv", ("step", "epoch", "loss"), by_step)

    def close(self) -> None:
        """Bring the events to the disk and end their thread."""
        self._events.close()

    def _add(self, row: EpochRow) -> None:
        for name in _FIGURES:
            value = getattr(row, name)
            if value is not None:
                self._events.add_scalar(f"epoch/{name}", value, row.epoch)

    def _write(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        write_text(self._folder / name, text.getvalue())
