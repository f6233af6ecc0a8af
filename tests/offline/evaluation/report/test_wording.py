"""Numbers and names as people read them."""

import pytest

from app.offline.evaluation.report.wording import (
    METHODS,
    method_name,
    notes,
    number,
    percent,
    points,
    printable,
    setting,
    share,
)
from app.offline.evaluation.scorers import METHODS as SCORED
from tests.offline.evaluation.report.examples import MODEL, bare, evaluation_of, object_evaluation


@pytest.mark.parametrize(
    ("value", "expected"), [(0.875, "87.5"), (1.0, "100.0"), (0.0, "0.0"), (None, "\N{EN DASH}")]
)
def test_percent(value: float | None, expected: str) -> None:
    assert percent(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.037, "+3.7"),
        (-0.131, "\N{MINUS SIGN}13.1"),
        (-0.0004, "0.0"),
        (0.0, "0.0"),
        (None, "\N{EN DASH}"),
    ],
)
def test_points_are_signed_and_zero_is_not(value: float | None, expected: str) -> None:
    assert points(value) == expected


def test_a_number_below_zero_has_a_minus() -> None:
    assert (number(-0.0214), number(0.5), number(None)) == (
        "\N{MINUS SIGN}0.021",
        "0.500",
        "\N{EN DASH}",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.34, "34 %"),
        (0.025, "2.5 %"),
        (0.0999, "10 %"),
        (0.995, "99.5 %"),
        (0.9996, "more than 99.9 %"),
        (0.0004, "less than 0.1 %"),
    ],
)
def test_a_share_never_rounds_to_all_or_none(value: float, expected: str) -> None:
    assert share(value) == expected


def test_printable_keeps_letters_and_shows_control_characters() -> None:
    assert printable("Größe 部品 é") == "Größe 部品 é"
    assert printable("a\nb\x1b[31m\u202e\udce9") == r"a\nb\x1b[31m\u202e\udce9"


def test_every_scored_method_has_a_name() -> None:
    assert set(METHODS) == set(SCORED)
    assert method_name("sdp_plus") == "SDP+"
    assert method_name("other\n") == r"other\n"


def test_settings_read_as_words() -> None:
    shown = [setting(value) for value in (None, True, False, 8, "a\n", (3, "ü"))]
    assert shown == ["\N{EN DASH}", "yes", "no", "8", r"a\n", '[3, "ü"]']


def test_notes_tell_what_a_mean_leaves_out_and_how_exact_it_is() -> None:
    partial = evaluation_of(("sdp", [object_evaluation(), bare("other")]))
    told = " ".join(notes(partial, partial.methods[0]))
    assert "Pixel: mean over the 1 of 2 objects" in told
    assert "Image, raw: mean over the 1 of 2 objects" in told
    assert "0.05 points" in told
    assert "Demo" not in told


def test_notes_tell_of_missing_figures_and_of_demo_weights() -> None:
    none = evaluation_of(("sdp", [bare("one")]), model=MODEL | {"demo": True})
    told = list(notes(none, none.methods[0]))
    assert [note.split(":")[0] for note in told] == [
        "Demo weights",
        "Pixel",
        "Image, raw",
        "Image, paper",
    ]
