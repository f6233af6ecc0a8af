"""A bar per object with images a second and the time left; without a terminal, a line at its end.

Knows nothing of what is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _SpeedColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s")


class ImageProgress:
    """Call with (object, images done, images in all); a context manager, as rich's Progress."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _SpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, object: str, done: int, total: int) -> None:
        if object not in self._tasks:
            self._tasks[object] = self._bars.add_task(object, total=total, start=False)
        task = self._tasks[object]
        if done == 0:
            return
        if not self._bars.tasks[self._bars.task_ids.index(task)].started:
            self._bars.start_task(task)
        self._bars.update(task, completed=done)
        if done == total and not self._console.is_terminal:
            self._console.print(f"{object}: {done} of {total}", markup=False, highlight=False)

    def of(self, label: str) -> Callable[[int, int], None]:
        """A callback (done, in all) for some other work, with a bar of its own."""
        return lambda done, total: self(label, done, total)
