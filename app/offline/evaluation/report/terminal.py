"""An evaluation as tables on a terminal: per method the objects and their mean, then a comparison.

Pixels and both image protocols stand side by side where the terminal is wide enough; the counts
of images give way first, then the table is cut between protocols. Names go in as plain text: what
looks like rich's markup or a control sequence stays harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.offline.evaluation.figures import Evaluation, MethodEvaluation
from app.offline.evaluation.report.columns import Column, Figured, difference, shown_columns
from app.offline.evaluation.report.wording import (
    MINUS,
    method_name,
    notes,
    percent,
    points,
    printable,
)

_HEADS = {"pixel": "pixel", "raw": "raw", "paper": "paper", "multi_crop": "crops"}
_MEANING = (
    "In percent. raw: image scores as served; paper: both parts of a score scaled over the "
    "object's test set first."
)
_CROPS = " crops: the text part averaged over ten crops, without the map."
_LONGEST_NAME = 24  # cells; longer names are folded
_FIGURE, _GAP = 6, 2  # cells of a figure's column, and more of each group's first
_EDGES = 2


def print_tables(evaluation: Evaluation, console: Console) -> None:
    """Print all tables; figures in percent, differences in percentage points."""
    columns = shown_columns(evaluation)
    for method in evaluation.methods:
        title = f"{method_name(method.method)} on {printable(evaluation.layout)}"
        body = [
            (printable(each.object), f"{each.images} ({each.anomalous})", each)
            for each in method.objects
        ]
        anomalous = sum(each.anomalous for each in method.objects)
        last = ("mean", f"{method.images} ({anomalous})", method)
        for table in _tables(title, body, last, columns, console.width):
            console.print(table)
        for note in notes(evaluation, method):
            console.print(Text(note, style="dim"))
        speed = f"{method.images_per_second:.1f} images a second"
        console.print(Text(f"{method.images} images in {method.seconds:.1f} s: {speed}.", "dim"))
    if len(evaluation.methods) > 1:
        for table in _comparison(evaluation.methods, columns, console.width):
            console.print(table)
    crops = _CROPS if any(column.source == "multi_crop" for column in columns) else ""
    console.print(Text(_MEANING + crops, style="dim"))


def _tables(
    title: str,
    body: Sequence[tuple[str, str, Figured]],
    last: tuple[str, str, Figured],
    columns: Sequence[Column],
    width: int,
) -> Iterator[Table]:
    names = [name for name, _, _ in (*body, last)]
    beside = max(cell_len(counts) for _, counts, _ in (*body, last)) + 1
    counted = _needed(names, columns) + beside <= width
    for part in _parts(names, columns, width):
        heads = ("object", "images\n(bad)") if counted else ("object",)
        table = _table(title, heads, names, part)
        for name, counts, row in (*body, last):
            if row is last[-1]:
                table.add_section()
            first = (name, counts) if counted else (name,)
            _add(table, (*first, *(percent(column.of(row)) for column in part)))
        yield table


def _comparison(
    methods: Sequence[MethodEvaluation], columns: Sequence[Column], width: int
) -> Iterator[Table]:
    base, *others = methods
    names = [method_name(method.method) for method in methods]
    minus = [f"{name} {MINUS} {names[0]}" for name in names[1:]]
    for part in _parts([*names, *minus], columns, width):
        title = "Means compared; differences in points"
        table = _table(title, ("method",), [*names, *minus], part)
        for name, method in zip(names, methods, strict=True):
            _add(table, (name, *(percent(column.of(method)) for column in part)))
        table.add_section()
        for name, other in zip(minus, others, strict=True):
            _add(table, (name, *(points(difference(column, other, base)) for column in part)))
        yield table


def _parts(
    names: Sequence[str], columns: Sequence[Column], width: int
) -> Iterator[tuple[Column, ...]]:
    """The columns in as few parts as fit the width, cut between sources only."""
    part: tuple[Column, ...] = ()
    for source in dict.fromkeys(column.source for column in columns):
        group = tuple(column for column in columns if column.source == source)
        if part and _needed(names, (*part, *group)) > width:
            yield part
            part = ()
        part += group
    yield part


def _needed(names: Sequence[str], columns: Sequence[Column]) -> int:
    """Width in cells of a table without counts."""
    groups = len({column.source for column in columns})
    return _EDGES + _name_width(names) + 1 + _FIGURE * len(columns) + _GAP * groups


def _name_width(names: Sequence[str]) -> int:
    return min(_LONGEST_NAME, max(6, *(cell_len(name) for name in names)))


def _table(
    title: str, heads: Sequence[str], names: Sequence[str], columns: Sequence[Column]
) -> Table:
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    table.add_column(heads[0], overflow="fold", width=_name_width(names))
    for head in heads[1:]:
        table.add_column(head, justify="right", no_wrap=True)
    known = ""
    for column in columns:
        heading = f"{_HEADS[column.source]}\n{column.label}"
        width = _FIGURE - 1 + (_GAP if column.source != known else 0)
        table.add_column(heading, justify="right", no_wrap=True, min_width=width)
        known = column.source
    return table


def _add(table: Table, cells: Sequence[str]) -> None:
    table.add_row(*(Text(cell) for cell in cells))
