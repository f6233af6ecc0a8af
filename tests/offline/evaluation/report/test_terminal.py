"""The terminal's tables at several widths, with absent figures and hostile names."""

import io

import pytest
from rich.console import Console

from app.offline.evaluation.figures import Evaluation
from app.offline.evaluation.report import print_tables
from app.offline.metrics.figures import ImageFigures
from tests.offline.evaluation.report.examples import (
    evaluation_of,
    image_figures,
    object_evaluation,
    odd,
    usual,
)


def printed(evaluation: Evaluation, width: int = 110) -> list[str]:
    file = io.StringIO()
    print_tables(evaluation, Console(file=file, width=width))
    return file.getvalue().splitlines()


def row(lines: list[str], name: str, which: int = 0) -> list[str]:
    found = [line.split() for line in lines if line.split()[:1] == [name]]
    return found[which][1:]


def test_a_row_per_object_then_the_mean() -> None:
    lines = printed(usual())
    figures = ["87.5", "35.9", "30.4", "75.3", "90.9", "91.9", "95.8", "91.9", "91.9", "95.8"]
    assert row(lines, "bottle") == ["83", "(63)", *figures]
    assert row(lines, "metal_nut")[2] == "77.5"
    assert row(lines, "mean")[:3] == ["166", "(126)", "82.5"]
    names = [line.split()[0] for line in lines if "(" in line and line.split()[1].isdigit()]
    assert names == ["bottle", "metal_nut", "mean"] * 2


def test_methods_are_compared_in_points() -> None:
    lines = printed(usual())
    (difference,) = [
        line.split() for line in lines if line.strip().startswith("SDP+ \N{MINUS SIGN} SDP")
    ]
    image = ["+7.5", "0.0", "0.0"]
    assert difference[3:] == ["+7.5", "0.0", "0.0", "0.0", *image, *image]
    assert not any(
        "\N{MINUS SIGN}" in line for line in printed(evaluation_of(("sdp", [object_evaluation()])))
    )


def test_what_is_absent_is_a_dash() -> None:
    assert row(printed(odd()), "Flasche")[1:] == ["1", "(1)", *["\N{EN DASH}"] * 10]


@pytest.mark.parametrize("width", [110, 80, 60, 40])
def test_every_figure_is_whole_at_any_width(width: int) -> None:
    lines = printed(usual(), width)
    assert max(len(line) for line in lines) <= width
    cells = [cell for line in lines for cell in line.split()]
    assert cells.count("AUROC") == 3 * 3  # pixel, raw and paper; two methods and a comparison
    assert cells.count("metal_nut") >= 2
    assert not any("…" in cell for cell in cells)


def test_eighty_columns_hold_pixels_and_both_protocols_side_by_side() -> None:
    assert len(row(printed(usual(), 80), "bottle")) == 10


def test_multi_crop_has_columns_where_asked_for() -> None:
    one = object_evaluation()
    crops = image_figures() | {"multi_crop": ImageFigures(0.5, 0.6, 0.7)}
    asked = evaluation_of(("sdp", [type(one)(**(vars(one) | {"image": crops}))]))
    assert row(printed(asked, 130), "bottle")[-3:] == ["50.0", "60.0", "70.0"]
    assert "crops:" in printed(asked, 200)[-1]
    assert "crops:" not in printed(usual(), 200)[-1]


def test_names_are_neither_markup_nor_control_sequences() -> None:
    text = "".join(printed(odd(), 200))
    assert "\x1b" not in text
    assert "[b]" in text.replace(" ", "")
