"""report.html: one file that needs no network, no script and no other file.

The page's own policy forbids all three, whatever a file name holds; Jinja2 escapes every text
besides. Light or dark as the reader's system asks; the gallery's filters are style alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.offline.evaluation.figures import Evaluation, MethodEvaluation, ObjectEvaluation
from app.offline.evaluation.report import charts
from app.offline.evaluation.report.columns import (
    SOURCES,
    Column,
    columns_of,
    difference,
    shown_columns,
    sources_of,
)
from app.offline.evaluation.report.gallery import MOST_CASES, groups_of
from app.offline.evaluation.report.pictures import colour_bar
from app.offline.evaluation.report.wording import (
    MINUS,
    PROTOCOLS,
    method_name,
    notes,
    percent,
    points,
    printable,
    setting,
)

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Row:
    """A table's row. counts: images and anomalous among them, empty in comparisons."""

    name: str
    counts: tuple[str, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of figures, cells as put. last: the mean, or the differences."""

    caption: str
    first: str
    rows: tuple[Row, ...]
    last: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()


def report_html(evaluation: Evaluation, most_cases: int = MOST_CASES) -> str:
    """The page as text. most_cases: gallery cases per method at most."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = list(dict.fromkeys(o.object for m in evaluation.methods for o in m.objects))
    return environment.get_template("report.html").render(
        title=_title(evaluation),
        sources=[(SOURCES[s], [c.label for c in columns_of(s)]) for s in sources_of(evaluation)],
        protocols=[(SOURCES[s], PROTOCOLS[s]) for s in sources_of(evaluation) if s in PROTOCOLS],
        tables=list(_tables(evaluation)),
        asked=_settings(evaluation),
        models=[_model(method) for method in evaluation.methods],
        frame=(charts.LEFT, charts.TOP, charts.WIDTH, charts.HEIGHT),
        mean_charts=charts.mean_charts(evaluation) if len(names) > 1 else (),
        object_charts=[
            (printable(name), drawn)
            for name in names
            if (drawn := charts.object_charts(evaluation, name))
        ],
        objects=[printable(name) for name in names],
        gallery=[(method_name(m.method), groups_of(m, most_cases)) for m in evaluation.methods],
        bar=colour_bar(),
    )


def _title(evaluation: Evaluation) -> str:
    methods = ", ".join(method_name(method.method) for method in evaluation.methods)
    return f"Evaluation of {methods} on {printable(evaluation.layout)}"


def _tables(evaluation: Evaluation) -> Iterator[Table]:
    columns = shown_columns(evaluation)
    base, *others = evaluation.methods
    if others:
        yield Table(
            "Means compared, in percent; differences in percentage points",
            "Method",
            tuple(_row(method_name(m.method), (), m, columns) for m in evaluation.methods),
            tuple(_differences(_minus(other, base), other, base, columns) for other in others),
        )
    for method in evaluation.methods:
        yield _by_object(evaluation, method, columns)
    for other in others:
        yield _by_object_compared(other, base, columns)


def _by_object(
    evaluation: Evaluation, method: MethodEvaluation, columns: tuple[Column, ...]
) -> Table:
    anomalous = sum(each.anomalous for each in method.objects)
    return Table(
        f"{method_name(method.method)}, in percent",
        "Object",
        tuple(
            _row(printable(o.object), (str(o.images), str(o.anomalous)), o, columns)
            for o in method.objects
        ),
        (_row("mean", (str(method.images), str(anomalous)), method, columns),),
        tuple(notes(evaluation, method)),
    )


def _by_object_compared(
    other: MethodEvaluation, base: MethodEvaluation, columns: tuple[Column, ...]
) -> Table:
    of_base = {each.object: each for each in base.objects}
    return Table(
        f"{_minus(other, base)}, in percentage points",
        "Object",
        tuple(
            _differences(printable(each.object), each, of_base[each.object], columns)
            for each in other.objects
            if each.object in of_base
        ),
        (_differences("mean", other, base, columns),),
    )


def _minus(other: MethodEvaluation, base: MethodEvaluation) -> str:
    return f"{method_name(other.method)} {MINUS} {method_name(base.method)}"


def _row(
    name: str,
    counts: tuple[str, ...],
    row: ObjectEvaluation | MethodEvaluation,
    columns: tuple[Column, ...],
) -> Row:
    return Row(name, counts, tuple(percent(column.of(row)) for column in columns))


def _differences(
    name: str,
    row: ObjectEvaluation | MethodEvaluation,
    base: ObjectEvaluation | MethodEvaluation,
    columns: tuple[Column, ...],
) -> Row:
    return Row(name, (), tuple(points(difference(column, row, base)) for column in columns))


def _settings(evaluation: Evaluation) -> list[tuple[str, str]]:
    data = {
        "layout": evaluation.layout,
        "root": evaluation.root,
        "digest of the data set": evaluation.digest,
        "domain": evaluation.domain,
    }
    return [
        (printable(name), setting(value)) for name, value in (data | {**evaluation.asked}).items()
    ]


def _model(method: MethodEvaluation) -> tuple[str, list[tuple[str, str]]]:
    facts = {
        **method.model,
        "images": method.images,
        "seconds": f"{method.seconds:.1f}, the model's part {method.computing_s:.1f}",
        "images per second": f"{method.images_per_second:.1f}",
    }
    return method_name(method.method), [(printable(k), setting(v)) for k, v in facts.items()]
