"""Curves as geometry."""

import numpy as np
import pytest

from app.offline.evaluation.report.charts import (
    HEIGHT,
    KINDS,
    LEFT,
    TOP,
    WIDTH,
    mean_charts,
    mean_curve,
    object_charts,
)
from app.offline.metrics.figures import Curve
from tests.offline.evaluation.report.examples import (
    bare,
    curves,
    evaluation_of,
    object_evaluation,
    usual,
)


def places(points: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in points.split())]


def with_curves(found: dict[str, Curve]) -> object:
    one = object_evaluation()
    return type(one)(**(vars(one) | {"curves": found}))


def drawn(curve: Curve) -> list[tuple[float, float]]:
    one = with_curves({"pixel_roc": curve})
    (chart,) = object_charts(evaluation_of(("sdp", [one])), "bottle")  # type: ignore[list-item]
    return places(chart.lines[0].points)


def test_the_corners_of_the_axes_are_the_corners_of_the_frame() -> None:
    assert drawn(Curve((0.0, 0.5, 1.0), (0.0, 0.9, 1.0))) == [
        (LEFT, TOP + HEIGHT),
        (LEFT + WIDTH / 2, TOP + HEIGHT * 0.1),
        (LEFT + WIDTH, TOP),
    ]


def test_points_inside_a_straight_run_are_left_out() -> None:
    stairs = Curve((0.0, 0.0, 0.0, 0.2, 0.4, 0.4, 1.0), (0.0, 0.3, 0.5, 0.5, 0.5, 1.0, 1.0))
    assert len(drawn(stairs)) == 5


def test_the_pro_curve_ends_at_its_limit() -> None:
    charts = object_charts(usual(), "bottle")
    pro = charts[-1]
    assert pro.kind is KINDS["pro"]
    assert [text for _, text in pro.x_ticks] == ["0", "0.1", "0.2", "0.3"]
    assert places(pro.lines[0].points)[-1] == (LEFT + WIDTH, pytest.approx(TOP + HEIGHT * 0.1))


def test_a_chart_has_a_line_per_method_and_says_its_figures() -> None:
    first = object_charts(usual(), "bottle")[0]
    assert [(line.name, line.figure) for line in first.lines] == [("SDP", "90.9"), ("SDP+", "95.9")]
    assert "SDP: AUROC 90.9 %; SDP+: AUROC 95.9 %." in first.description


def test_a_curve_that_is_missing_is_not_drawn() -> None:
    one = with_curves({"image_roc": curves()["image_roc"]})
    assert len(object_charts(evaluation_of(("sdp", [one])), "bottle")) == 1  # type: ignore[list-item]
    assert object_charts(evaluation_of(("sdp", [bare("x")])), "x") == ()
    assert mean_charts(evaluation_of(("sdp", [bare("x")]))) == ()


def test_the_mean_curve_has_the_mean_area() -> None:
    low, high = Curve((0.0, 1.0), (0.0, 1.0)), Curve((0.0, 0.0, 1.0), (0.0, 1.0, 1.0))
    mean = mean_curve([low, high], 1.0)
    assert np.trapezoid(mean.y, mean.x) == pytest.approx(0.75, abs=0.005)
    assert len(mean.x) <= 500
