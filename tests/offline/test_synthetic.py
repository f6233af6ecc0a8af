"""The generator: equal arguments give equal pixels, and masks tell the truth."""

import cv2
import numpy as np
import pytest

from app.errors import FieldError
from app.offline.synthetic import (
    ALL_KINDS,
    BENCHMARK_ONLY,
    DEFECTS,
    GROUPS,
    HELD_OUT,
    OBJECTS,
    PHOTOGRAPHS,
    SIDE,
    TRAINED,
    UNSEEN,
    Pair,
    Split,
    generate_pair,
)
from app.offline.synthetic.camera import REACH
from app.offline.synthetic.draw import OPEN, RESERVED, Draw


def difference(pair: Pair) -> np.ndarray:
    return np.abs(pair.good.astype(int) - pair.defective.astype(int)).max(axis=2)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_equal_arguments_give_equal_pixels(kind: str) -> None:
    first, second = (generate_pair(kind, 3, Split.BENCHMARK) for _ in range(2))
    assert first.defect == second.defect
    for name in ("good", "defective", "mask"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_seeds_kinds_and_splits_give_other_pictures() -> None:
    base = generate_pair("carpet", 1)
    others = [
        generate_pair("carpet", 2),
        generate_pair("denim", 1),
        generate_pair("carpet", 1, Split.VALIDATION),
        generate_pair("carpet", 1, Split.BENCHMARK),
    ]
    assert not any(np.array_equal(base.good, other.good) for other in others)


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("kind", ["wood", "perforated panel", "cork", "capsule", "gear"])
def test_twins_differ_where_the_mask_says_and_nowhere_else(kind: str, defect: str) -> None:
    for seed in range(3):
        pair = generate_pair(kind, seed, Split.BENCHMARK, defect)
        near = cv2.dilate(pair.mask.astype(np.uint8), np.ones((2 * REACH + 1, 2 * REACH + 1)))
        changed = difference(pair)
        assert pair.mask.sum() >= 120
        assert changed[near == 0].max(initial=0) == 0
        assert np.median(changed[pair.mask]) >= 12, "a person could not see this"


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_pictures_are_complete_and_not_flat(kind: str) -> None:
    pair = generate_pair(kind, 11, Split.BENCHMARK)
    assert (pair.kind, pair.group, pair.object_name) == (kind, ALL_KINDS[kind].group, kind)
    for picture in (pair.good, pair.defective):
        assert picture.shape == (SIDE, SIDE, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 1
    assert pair.mask.shape == (SIDE, SIDE)
    assert pair.mask.dtype == np.bool_


def test_every_defect_occurs_when_none_is_named() -> None:
    assert {generate_pair("paper", seed).defect for seed in range(80)} == set(DEFECTS)


def test_settings_of_training_and_benchmark_never_meet() -> None:
    def inside(value: float, parts: tuple[tuple[float, float], ...]) -> bool:
        return any(start <= value <= end for start, end in parts)

    for split, mine, theirs in (
        (Split.TRAINING, OPEN, RESERVED),
        (Split.VALIDATION, OPEN, RESERVED),
        (Split.BENCHMARK, RESERVED, OPEN),
    ):
        draw = Draw(5, "anything", split)
        values = [draw.setting(0.0, 1.0) for _ in range(2000)]
        assert all(inside(value, mine) for value in values)
        assert not any(inside(value, theirs) for value in values)
        assert max(values) - min(values) > 0.5


def test_every_kind_has_one_purpose() -> None:
    assert set(BENCHMARK_ONLY) == {*UNSEEN, *PHOTOGRAPHS, *HELD_OUT}
    assert len(TRAINED) + len(OBJECTS) + len(BENCHMARK_ONLY) == len(ALL_KINDS)
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(ALL_KINDS)


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("split", Split)
def test_objects_may_train_heads(kind: str, split: Split) -> None:
    assert generate_pair(kind, 0, split).group == "objects"


@pytest.mark.parametrize("kind", BENCHMARK_ONLY)
def test_kinds_of_the_benchmark_cannot_be_trained_on(kind: str) -> None:
    for split in (Split.TRAINING, Split.VALIDATION):
        with pytest.raises(FieldError, match="benchmark only"):
            generate_pair(kind, 0, split)


def test_unknown_words_are_named() -> None:
    with pytest.raises(FieldError, match=r"'velvet'.*carpet"):
        generate_pair("velvet", 0)
    with pytest.raises(FieldError, match=r"'rust'.*scratch"):
        generate_pair("carpet", 0, defect="rust")
