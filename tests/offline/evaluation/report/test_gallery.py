"""Which cases are shown in which order, in which colours, and what is said of them."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.heatmap import Scale, colour_png
from app.offline.evaluation.figures import Case, MethodEvaluation
from app.offline.evaluation.report.gallery import Group, groups_of, reason
from app.offline.evaluation.report.pictures import SIDE, Picture, picture, small
from tests.offline.evaluation.report.examples import (
    bare,
    case,
    evaluation_of,
    object_evaluation,
    score,
)

GOOD = score()
BAD = score("bottle/test/broken/1.png", kind="broken", anomalous=True, map_auroc=0.75)


def method_of(*cases: Case) -> MethodEvaluation:
    return evaluation_of(("sdp", [object_evaluation(cases=cases)])).methods[0]


def pixels(shown: Picture) -> np.ndarray:
    data = base64.b64decode(shown.uri.removeprefix("data:image/webp;base64,"), validate=True)
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.size) == ("WEBP", (shown.width, shown.height))
    return np.asarray(image.convert("RGB"), int)


def shares(group: Group) -> list[float | None]:
    return [entry.case.mistake for entry in group.entries]


@pytest.mark.parametrize(
    ("of", "mistake", "words"),
    [
        (GOOD, 0.34, "Good image, scored as high as or higher than 34 % of the anomalous ones."),
        (BAD, 0.125, "Anomalous image, scored as low as or lower than 12 % of the good ones."),
    ],
)
def test_a_mistake_is_told_in_words(of: object, mistake: float, words: str) -> None:
    verdict, mistaken, why = reason(case(of, mistake=mistake))  # type: ignore[arg-type]
    assert (verdict, mistaken, why) == ("mistake", True, words)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (case(GOOD, mistake=0.0), "Good image, scored below every anomalous one."),
        (case(BAD, mistake=0.0), "Anomalous image, scored above every good one."),
        (case(BAD, mistake=None), "There are no good images of this object."),
        (case(BAD, chosen_for="map"), "75 % of the time"),
        (case(GOOD, chosen_for="map"), "No mask"),
    ],
)
def test_what_is_no_mistake_is_called_none(shown: Case, words: str) -> None:
    verdict, mistaken, why = reason(shown)
    assert not mistaken
    assert verdict in ("no mistake", "nothing to compare")
    assert words in why


def test_a_map_worse_than_guessing_is_a_mistake() -> None:
    assert reason(case(replace(BAD, map_auroc=0.49), chosen_for="map"))[1]


def test_worst_mistakes_come_first_then_maps_then_the_rest() -> None:
    cases = [case(GOOD, mistake=share) for share in (0.0, 0.2, 0.9, 0.4)]
    maps = [case(replace(BAD, map_auroc=value), chosen_for="map") for value in (0.8, 0.3)]
    first, second, third = groups_of(method_of(*cases, *maps))
    assert shares(first) == [0.9, 0.4, 0.2]
    assert [entry.case.score.map_auroc for entry in second.entries] == [0.3, 0.8]
    assert shares(third) == [0.0]
    assert [group.title.split()[0] for group in (first, second, third)] == [
        "Mistakes",
        "Weakest",
        "No",
    ]


def test_no_more_cases_than_asked_for_the_worst_of_each_kind_kept() -> None:
    cases = [case(GOOD, mistake=share / 10) for share in range(10)]
    maps = [case(BAD, chosen_for="map")] * 3
    groups = groups_of(method_of(*cases, *maps), most=5)
    assert [(len(group.entries), group.left_out) for group in groups] == [(2, 7), (2, 1), (1, 0)]
    assert shares(groups[0]) == [0.9, 0.8]
    assert [len(group.entries) for group in groups_of(method_of(*cases), most=0)] == [0, 0]


def test_objects_take_turns_where_nothing_else_sorts() -> None:
    objects = [
        object_evaluation(name, cases=[case(score(object=name), mistake=0.0)] * 2) for name in "ab"
    ]
    (group,) = groups_of(evaluation_of(("sdp", objects)).methods[0], most=3)
    assert [entry.object for entry in group.entries] == ["a", "b", "a"]


def test_maps_of_one_object_share_the_services_colours() -> None:
    low, high = (np.full((16, 16), value, np.float16) for value in (-0.5, 1.5))
    middle = np.full((16, 16), 0.5, np.float16)
    shown = [case(GOOD, map=values, mistake=0.5) for values in (low, middle, high)]
    (group,) = groups_of(method_of(*shown))
    expected = Image.open(
        io.BytesIO(colour_png(middle.astype(np.float32), Scale("calibrated", -0.5, 1.5), (1, 1)))
    )
    means = [pixels(entry.map).mean((0, 1)) for entry in group.entries]
    np.testing.assert_allclose(means[1], np.asarray(expected.convert("RGB"))[0, 0], atol=6)
    assert means[0].sum() < means[1].sum() < means[2].sum()
    assert {dict(entry.facts)["map colours"] for entry in group.entries} == {
        "\N{MINUS SIGN}0.500 to 1.500"
    }


def test_the_outline_is_around_the_mask_and_nowhere_else() -> None:
    grey = np.full((240, 240, 3), 120, np.uint8)
    mask = np.zeros((240, 240), bool)
    mask[100:140, 60:180] = True
    (group,) = groups_of(method_of(case(BAD, thumbnail=grey, mask=mask)))
    outlined = group.entries[0].outlined
    assert outlined is not None
    changed = np.abs(pixels(outlined) - 120).max(axis=-1) > 60
    assert changed[96:144, 120].sum() >= 4
    assert not changed[110:130, 70:170].any()
    assert not changed[:88].any()


def test_what_has_no_mask_says_so() -> None:
    empty = case(BAD, mask=np.zeros((48, 48), bool))
    shown = [case(GOOD), replace(case(BAD), mask=None), empty]
    (group,) = groups_of(method_of(*shown))
    assert [entry.outlined for entry in group.entries] == [None] * 3
    assert [entry.unmasked for entry in group.entries] == [
        "Good: no defect.",
        "The data set has no mask for it.",
        "Its mask is empty.",
    ]


def test_pictures_are_small_whatever_comes() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 900, 3), np.uint8)
    shown = picture(small(noise), "")
    assert (shown.width, shown.height) == (SIDE, SIDE // 3)
    assert len(shown.uri) < 40_000


def test_a_method_without_cases_has_no_groups() -> None:
    assert groups_of(method_of()) == ()
    assert len(groups_of(evaluation_of(("sdp", [bare("x")])).methods[0])) == 1
