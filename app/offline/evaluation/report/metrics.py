"""metrics.json, metrics.csv and scores.csv: every figure and score at full precision.

Figures are fractions in [0,1]. The JSON is strict: what is absent is null, and so is a number
that JSON cannot write. In CSV an absent figure is an empty cell; names stand there as they are
(a spreadsheet may take one that begins with `=` for a formula), but for bytes that are no UTF-8.
Curves are left out: they are thinned for the eye, the page draws them, and those of images follow
from scores.csv.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from app.offline.evaluation.figures import (
    IMAGE_PROTOCOLS,
    Evaluation,
    ImageScore,
    MethodEvaluation,
    ObjectEvaluation,
)
from app.offline.evaluation.report.columns import PIXEL, Column, Figured, shown_columns
from app.offline.evaluation.report.wording import PROTOCOLS

FORMAT = 1  # raised when a field changes its meaning


def metrics_json(evaluation: Evaluation) -> str:
    """Everything but scores, curves and pictures, as strict JSON."""
    content = {
        "format": FORMAT,
        "dataset": {
            "layout": evaluation.layout,
            "root": evaluation.root,
            "digest": evaluation.digest,
            "domain": evaluation.domain,
        },
        "asked": evaluation.asked,
        "protocols": {name: PROTOCOLS[name] for name in IMAGE_PROTOCOLS},
        "methods": [_method(method) for method in evaluation.methods],
    }
    return json.dumps(_plain(content), indent=1, allow_nan=False) + "\n"


def metrics_csv(evaluation: Evaluation) -> str:
    """One row per method and object, `row` = object, and one per method, `row` = mean."""
    columns = shown_columns(evaluation)
    heads = ["method", "row", "object", "images", "anomalous"]
    heads += [name for column in columns for name in _names(column)]
    return _csv(heads, _figure_rows(evaluation, columns))


def scores_csv(evaluation: Evaluation) -> str:
    """One row per method and image."""
    heads = ["method", *(field.name for field in fields(ImageScore))]
    rows = (
        [method.method, *(getattr(score, name) for name in heads[1:])]
        for method in evaluation.methods
        for each in method.objects
        for score in each.scores
    )
    return _csv(heads, rows)


def _method(method: MethodEvaluation) -> dict[str, Any]:
    return {
        "method": method.method,
        "model": method.model,
        "images": method.images,
        "anomalous": sum(each.anomalous for each in method.objects),
        "seconds": method.seconds,
        "computing_s": method.computing_s,
        "images_per_second": method.images_per_second,
        "mean": _figures(method),
        "objects": [_object(each) for each in method.objects],
    }


def _object(each: ObjectEvaluation) -> dict[str, Any]:
    counts = {"images": each.images, "anomalous": each.anomalous}
    return {"object": each.object, **counts, **_figures(each)}


def _figures(row: Figured) -> dict[str, Any]:
    return {
        "pixel": None if row.pixel is None else asdict(row.pixel),
        "image": None if row.image is None else {n: asdict(f) for n, f in row.image.items()},
    }


def _plain(value: Any) -> Any:
    """The same in JSON's own types; a number that is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    # A file name that is no UTF-8 holds lone surrogates, which strict readers of JSON refuse.
    return str(value).encode("utf-8", "backslashreplace").decode()


def _names(column: Column) -> list[str]:
    if column.source == PIXEL:
        return [f"pixel_{column.metric}", f"pixel_{column.metric}_error"]
    return [f"image_{column.source}_{column.metric}"]


def _figure_rows(evaluation: Evaluation, columns: Sequence[Column]) -> Iterator[list[object]]:
    for method in evaluation.methods:
        for each in method.objects:
            counts = [each.images, each.anomalous]
            yield [method.method, "object", each.object, *counts, *_values(each, columns)]
        counts = [method.images, sum(each.anomalous for each in method.objects)]
        yield [method.method, "mean", "", *counts, *_values(method, columns)]


def _values(row: Figured, columns: Sequence[Column]) -> Iterator[object]:
    for column in columns:
        yield column.of(row)
        if column.source == PIXEL:
            yield column.error(row)


def _cell(value: object) -> object:
    """True and False as 1 and 0, absent and infinite as an empty cell."""
    plain = _plain(value)
    return "" if plain is None else int(plain) if isinstance(plain, bool) else plain


def _csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()
