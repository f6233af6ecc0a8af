"""Writes an evaluation's files, each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.offline.evaluation.figures import Evaluation
from app.offline.evaluation.report.gallery import MOST_CASES
from app.offline.evaluation.report.html import report_html
from app.offline.evaluation.report.markdown import metrics_markdown
from app.offline.evaluation.report.metrics import metrics_csv, metrics_json, scores_csv
from app.offline.files import write_text

_FIGURES: dict[str, Callable[[Evaluation], str]] = {
    "metrics.json": metrics_json,
    "metrics.csv": metrics_csv,
    "scores.csv": scores_csv,
    "metrics.md": metrics_markdown,
}
_PAGE = "report.html"
FILES = (*_FIGURES, _PAGE)


def write_report(
    evaluation: Evaluation, folder: Path, most_cases: int = MOST_CASES
) -> tuple[Path, ...]:
    """Write FILES into `folder`, which is made if missing; returns their paths in that order.

    most_cases: gallery cases per method at most, which bounds the page's size. The page comes
    last, so that figures are safe whatever a picture does. OSError as the file system raises it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in _FIGURES.items():
        write_text(folder / name, make(evaluation))
    write_text(folder / _PAGE, report_html(evaluation, most_cases))
    return tuple(folder / name for name in FILES)
