"""metrics.md: an evaluation in the form of the paper's tables, in percent with one decimal.

Table 1 for the means, Tables 9 to 12 for the objects; once per image protocol, the paper's first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from app.offline.evaluation.figures import Evaluation, MethodEvaluation
from app.offline.evaluation.report.columns import (
    PIXEL,
    Column,
    columns_of,
    difference,
    sources_of,
)
from app.offline.evaluation.report.wording import (
    ABSENT,
    MINUS,
    PROTOCOLS,
    method_name,
    notes,
    percent,
    points,
    printable,
)

_PAPER = "paper"
_TITLES = {
    "paper": "The paper's protocol",
    "raw": "As served, from one image alone (raw)",
    "multi_crop": "Multi-crop",
}


def metrics_markdown(evaluation: Evaluation) -> str:
    """All tables, one section per image protocol."""
    protocols = [source for source in sources_of(evaluation) if source != PIXEL]
    lines = [f"# Evaluation on {_text(evaluation.layout)}", ""]
    lines += [f"Data set: `{evaluation.digest}`, domain {_text(evaluation.domain)}.", ""]
    for method in evaluation.methods:
        name = _text(method_name(method.method))
        fingerprint = method.model.get("fingerprint", ABSENT)
        lines.append(f"- {name}: fingerprint `{fingerprint}`.")
        lines += [f"- {name}: {_text(note)}" for note in notes(evaluation, method)]
    for protocol in sorted(protocols, key=lambda name: name != _PAPER):
        columns = [*columns_of(PIXEL), *columns_of(protocol)]
        lines += ["", f"## {_TITLES[protocol]}", "", f"Classification: {PROTOCOLS[protocol]}.", ""]
        lines += _means(evaluation, columns)
        for method in evaluation.methods:
            lines += ["", f"### {_text(method_name(method.method))} by object", ""]
            lines += _objects(method, columns)
    return "\n".join(lines) + "\n"


def _means(evaluation: Evaluation, columns: Sequence[Column]) -> Iterator[str]:
    yield from _heads(["Method", "Size/Model", "Train"], columns)
    base, *others = evaluation.methods
    for method in evaluation.methods:
        side = method.model.get("side", ABSENT)
        model = f"{side}²/{_text(str(method.model.get('backbone', ABSENT)))}"
        trained = "✓" if method.model.get("heads_sha256") else "✗"
        figures = (percent(column.of(method)) for column in columns)
        yield _line([_text(method_name(method.method)), model, trained, *figures])
    for other in others:
        name = f"{_text(method_name(other.method))} {MINUS} {_text(method_name(base.method))}"
        yield _line([name, "", "", *(points(difference(c, other, base)) for c in columns)])


def _objects(method: MethodEvaluation, columns: Sequence[Column]) -> Iterator[str]:
    yield from _heads(["Objects"], columns)
    for each in method.objects:
        yield _line([_text(each.object), *(percent(column.of(each)) for column in columns)])
    yield _line(["mean", *(percent(column.of(method)) for column in columns)])


def _heads(first: Sequence[str], columns: Sequence[Column]) -> Iterator[str]:
    """Markdown has no head over several columns: each group's first column names the group."""
    groups = {PIXEL: "Segmentation "}
    heads = list(first)
    for column in columns:
        group = groups.get(column.source, "Classification ")
        heads.append((group if column.metric == "auroc" else "") + column.label)
    yield _line(heads)
    yield _line(["---"] * len(first) + ["---:"] * len(columns))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Text that Markdown and HTML read as text; `metal_nut` stays as it is."""
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*\[\]|]|(?<!\w)_|_(?!\w))", r"\\\1", safe)
