"""Curves as geometry for the page's inline SVG: polylines, ticks and what to say of them.

matplotlib was weighed and left out (measured in late 2026): 77 MB installed with fontTools,
kiwisolver and the rest, of which nothing else here has a use; its SVG is reproducible and raises
no warning, but has its colours baked in, so no dark page, and no title or description for those
who cannot see it. Straight lines through thinned points need none of its machinery. The markup
is `templates/charts.html`; colours and dashes are `templates/style.css`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.offline.evaluation.figures import CURVES, Evaluation
from app.offline.evaluation.report.columns import PIXEL, Column, Figured
from app.offline.evaluation.report.wording import method_name, percent
from app.offline.metrics.figures import Curve

LEFT, TOP, WIDTH, HEIGHT = 44, 8, 260, 200  # the plot's frame in the drawing's units
_GRID = 201  # points of a mean curve
_Y_STEPS = 5


@dataclass(frozen=True)
class Kind:
    """One kind of curve: its words, its x axis' end and steps, and the figure it belongs to."""

    title: str
    x: str
    y: str
    end: float
    figure: Column
    chance: bool  # whether the diagonal is what guessing reaches
    x_steps: int = 5


KINDS: dict[str, Kind] = {
    "image_roc": Kind(
        "Image ROC", "false positive rate", "recall", 1.0, Column("raw", "auroc"), True
    ),
    "image_pr": Kind("Image PR", "recall", "precision", 1.0, Column("raw", "ap"), False),
    "pixel_roc": Kind(
        "Pixel ROC", "false positive rate", "recall", 1.0, Column(PIXEL, "auroc"), True
    ),
    "pixel_pr": Kind("Pixel PR", "recall", "precision", 1.0, Column(PIXEL, "ap"), False),
    "pro": Kind(
        "PRO", "false positive rate", "overlap of regions", 0.3, Column(PIXEL, "pro"), False, 3
    ),
}


@dataclass(frozen=True)
class Line:
    """A method's curve. points: an SVG polyline's, in the drawing's units. index: its colour."""

    name: str
    index: int
    points: str
    figure: str


@dataclass(frozen=True)
class Chart:
    """One drawing. ticks: (position in the drawing's units, text)."""

    kind: Kind
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]

    @property
    def description(self) -> str:
        """The drawing in words."""
        figures = "; ".join(
            f"{line.name}: {self.kind.figure.label} {line.figure} %" for line in self.lines
        )
        return f"{self.kind.title} curve, {self.kind.y} over {self.kind.x}. {figures}."


def object_charts(evaluation: Evaluation, name: str) -> tuple[Chart, ...]:
    """An object's charts, one line per method that has the curve; charts without lines left out."""
    rows: list[tuple[str, Figured, Mapping[str, Curve]]] = [
        (method_name(method.method), each, each.curves)
        for method in evaluation.methods
        for each in method.objects
        if each.object == name
    ]
    return _charts(rows)


def mean_charts(evaluation: Evaluation) -> tuple[Chart, ...]:
    """The charts of the means over objects, one line per method."""
    rows: list[tuple[str, Figured, Mapping[str, Curve]]] = []
    for method in evaluation.methods:
        have = {
            key: [each.curves[key] for each in method.objects if key in each.curves]
            for key in CURVES
        }
        means = {key: mean_curve(curves, KINDS[key].end) for key, curves in have.items() if curves}
        rows.append((method_name(method.method), method, means))
    return _charts(rows)


def mean_curve(curves: Sequence[Curve], end: float) -> Curve:
    """Mean of y at equal x over the curves, at x evenly spaced from 0 to `end`."""
    x = np.linspace(0.0, end, _GRID)
    y = np.mean([np.interp(x, curve.x, curve.y) for curve in curves], axis=0)
    return Curve(tuple(x.tolist()), tuple(y.tolist()))


def _charts(rows: Sequence[tuple[str, Figured, Mapping[str, Curve]]]) -> tuple[Chart, ...]:
    return tuple(chart for key in CURVES if (chart := _chart(key, rows)).lines)


def _chart(key: str, rows: Sequence[tuple[str, Figured, Mapping[str, Curve]]]) -> Chart:
    kind = KINDS[key]
    lines = tuple(
        Line(name, index, _polyline(curves[key], kind.end), percent(kind.figure.of(figured)))
        for index, (name, figured, curves) in enumerate(rows)
        if key in curves
    )
    places = [(_across(step), f"{kind.end * step:.2g}") for step in _steps(kind.x_steps)]
    heights = [(_down(step), f"{step:.2g}") for step in _steps(_Y_STEPS)]
    return Chart(kind, lines, tuple(places), tuple(heights))


def _steps(count: int) -> list[float]:
    return [step / count for step in range(count + 1)]


def _across(share: float) -> float:
    return round(LEFT + WIDTH * share, 1)


def _down(share: float) -> float:
    return round(TOP + HEIGHT * (1 - share), 1)


def _polyline(curve: Curve, end: float) -> str:
    """Points rounded to a tenth of a unit; those a straight horizontal or vertical run passes
    through say nothing and are left out."""
    places = [(_across(x / end), _down(y)) for x, y in zip(curve.x, curve.y, strict=True)]
    return " ".join(f"{x:g},{y:g}" for x, y in _corners(places))


def _corners(places: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    kept: list[tuple[float, float]] = []
    for place in places:
        if kept and place == kept[-1]:
            continue
        if len(kept) > 1 and any(kept[-2][i] == kept[-1][i] == place[i] for i in (0, 1)):
            kept.pop()
        kept.append(place)
    return iter(kept)
