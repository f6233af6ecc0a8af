"""Which images are shown: the worst first, of both classes."""

import pytest

from app.offline.evaluation.cases import choose, mistakes
from app.offline.evaluation.figures import ImageScore


def scored(anomalous: bool, raw: float, map_auroc: float | None = None) -> ImageScore:
    kind = "scratch" if anomalous else "good"
    return ImageScore("a.png", "nut", kind, anomalous, raw, 0.0, raw, raw, None, map_auroc)


SCORES = [
    scored(False, 0.1),
    scored(False, 0.8),
    scored(True, 0.5, 0.9),
    scored(True, 0.8, 0.4),
    scored(True, 0.9, 0.7),
]


def test_a_mistake_is_the_share_of_the_others_on_the_wrong_side() -> None:
    assert mistakes(SCORES) == pytest.approx([0, 2 / 3, 1 / 2, 1 / 2, 0])


@pytest.mark.parametrize("anomalous", [False, True])
def test_without_the_other_class_there_are_no_mistakes(anomalous: bool) -> None:
    scores = [score for score in SCORES if score.anomalous is anomalous]
    assert mistakes(scores) == [None] * len(scores)
    assert [why for _, why in choose(scores, 2)] == (["map"] * 2 if anomalous else [])


def test_the_worst_come_first_and_of_equals_the_further_one() -> None:
    assert choose(SCORES, 3) == [
        (1, "score"),
        (2, "score"),
        (3, "score"),
        (3, "map"),
        (4, "map"),
        (2, "map"),
    ]
    assert choose(SCORES, 1) == [(1, "score"), (3, "map")]
    assert choose(SCORES, 0) == []
