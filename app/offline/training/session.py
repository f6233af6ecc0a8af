"""Session: the epochs of a run, with checkpoints and records as they go."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from types import TracebackType
from typing import Any

from app.offline.training import checkpoint
from app.offline.training.checkpoint import RunState
from app.offline.training.history import EpochRow, best_row, ended
from app.offline.training.interrupt import Stop, Stopped
from app.offline.training.job import Job
from app.offline.training.recipe import Rows
from app.offline.training.records import Records
from app.offline.training.reporting import Reporter
from app.offline.training.split import Split
from app.offline.training.trainer import HeadsTrainer
from app.offline.training.validation import ValidationFigures

CHECKPOINT = "checkpoint.pt"


class Session:
    """Trains from `state`, or from the start if it is None; a context, for its records."""

    def __init__(
        self,
        job: Job,
        trainer: HeadsTrainer,
        parts: Split,
        facts: Mapping[str, Any],
        state: RunState | None,
        reporter: Reporter,
        stop: Stop,
    ) -> None:
        self._job, self._trainer, self._parts = job, trainer, parts
        self._facts, self._reporter, self._stop = facts, reporter, stop
        self._batches = job.recipe.steps(len(parts.training))
        if state is not None:
            trainer.load(state)
            reporter.say(f"resumed after {len(state.rows)} epochs and {state.step} steps")
        self.state = state or trainer.state()
        self._records = Records(job.folder, self._batches, self.state.losses, self.state.rows)
        self._begun = self._saved = monotonic()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._records.close()

    def run(self) -> None:
        """Train until all epochs are done, none gets better, or a stop is asked for."""
        try:
            while not ended(self.state.rows, self._job.recipe):
                self._epoch()
        except Stopped:
            self._save()
            self._records.write_tables(self.state.losses, self.state.rows)

    def _epoch(self) -> None:
        number = len(self.state.rows) + 1
        self._begun = monotonic() - self.state.seconds
        self._steps(number)
        figures = self._validate(number)
        row = self._row(number, figures)
        self.state.rows.append(row)
        best = best_row(self.state.rows) is row
        if best:
            self.state.best = self._trainer.heads_state()
        self.state.step, self._begun = 0, monotonic()
        self._save()
        self._records.epoch(self.state.losses, self.state.rows)
        self._reporter.epoch(row, best)

    def _steps(self, number: int) -> None:
        state, size = self.state, self._job.recipe.batch
        rows = self._job.recipe.rows_of(self._parts.training, number)
        name = f"epoch {number}/{self._job.recipe.epochs}"
        with self._reporter.phase(name, len(rows), min(state.step * size, len(rows))) as advance:
            while state.step < self._batches:
                self._stop.check()
                part: Rows = rows[state.step * size : (state.step + 1) * size]
                state.losses.append(self._trainer.step(part))
                state.step += 1
                self._records.step(len(state.losses), state.losses[-1])
                advance(len(part))
                if monotonic() - self._saved >= self._job.save_every_s:
                    self._save()

    def _validate(self, number: int) -> ValidationFigures | None:
        if not self._parts.validation:
            return None
        total = sum(map(len, self._parts.validation.values()))
        with self._reporter.phase(f"validation {number}", total) as advance:

            def advance_or_stop(images: int) -> None:
                advance(images)
                self._stop.check()

            return self._trainer.validate(self._parts.validation, advance_or_stop)

    def _row(self, number: int, figures: ValidationFigures | None) -> EpochRow:
        training = len(self._parts.training)
        size, batches = self._job.recipe.batch, self._batches
        sizes = [min(size, training - start) for start in range(0, training, size)]
        losses = self.state.losses[-batches:]
        seconds = monotonic() - self._begun
        seen = training + sum(map(len, self._parts.validation.values()))
        return EpochRow(
            epoch=number,
            loss=sum(loss * n for loss, n in zip(losses, sizes, strict=True)) / training,
            validation_loss=figures.loss if figures else None,
            validation_pixel_auroc=figures.pixel_auroc if figures else None,
            validation_pro=figures.pro if figures else None,
            seconds=round(seconds, 3),
            images_per_s=round(seen / seconds, 2),
        )

    def _save(self) -> None:
        now = self._trainer.state()
        self.state.heads, self.state.optimizer = now.heads, now.optimizer
        self.state.seconds = monotonic() - self._begun
        checkpoint.save(self._job.folder / CHECKPOINT, self.state, self._facts)
        self._saved = monotonic()
