"""What an evaluation leaves behind: a terminal table, files for machines and one HTML page.

    terminal    tables for the person who waits
    metrics     metrics.json, metrics.csv, scores.csv: full precision, for programs
    markdown    metrics.md: the paper's tables
    html        report.html: figures, curves, gallery; one file, no outside host, no script
    charts, gallery, pictures    the page's curves and cases
    columns, wording    which figures are shown, and how numbers and names are put

Computes no figure. An absent figure is an en dash, an empty cell or null, never 0 or NaN. The same
evaluation gives the same bytes.
"""

from app.offline.evaluation.report.terminal import print_tables
from app.offline.evaluation.report.write import FILES, write_report

__all__ = ["FILES", "print_tables", "write_report"]
