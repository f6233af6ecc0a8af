from dataclasses import dataclass

import numpy as np
import pytest

from app.errors import ConfigurationError
from app.offline.training.recipe import Recipe
from app.offline.training.split import split


@dataclass
class Labelled:
    object: str
    anomalous: bool


def samples(objects: str, good: int = 3, bad: int = 5) -> list[Labelled]:
    return [Labelled(name, number >= good) for name in objects for number in range(good + bad)]


def test_whole_objects_validate() -> None:
    of = samples("abcdefghij")
    seen = set()
    for seed in range(8):
        parts = split(of, Recipe(seed=seed))
        assert len(parts.validation) == 2
        assert not parts.by_image
        assert all(
            {of[row].object for row in rows} == {name} for name, rows in parts.validation.items()
        )
        held = np.concatenate(list(parts.validation.values()))
        assert sorted([*parts.training, *held]) == list(range(len(of)))
        assert {of[row].object for row in parts.training}.isdisjoint(parts.validation)
        assert list(parts.training) == sorted(parts.training)
        assert split(of, Recipe(seed=seed)).validation.keys() == parts.validation.keys()
        seen.add(tuple(parts.validation))
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("objects", "share", "held"), [("ab", 0.2, 1), ("ab", 0.9, 1), ("abcd", 0.6, 2)]
)
def test_at_least_one_object_is_on_either_side(objects: str, share: float, held: int) -> None:
    parts = split(samples(objects), Recipe(validation_share=share))
    assert len(parts.validation) == held
    assert len(parts.training) > 0


def test_objects_to_validate_can_be_named() -> None:
    parts = split(samples("abc"), Recipe(validation_objects=("c", "a")))
    assert set(parts.validation) == {"a", "c"}
    assert "of a, c validate" in parts.label
    with pytest.raises(ConfigurationError, match="validation object 'd': expected one of a, b, c"):
        split(samples("abc"), Recipe(validation_objects=("d",)))
    with pytest.raises(ConfigurationError, match="at least one other to train on"):
        split(samples("ab"), Recipe(validation_objects=("a", "b")))


def test_a_single_objects_images_are_divided_good_and_anomalous_apart() -> None:
    of = samples("a", good=10, bad=20)
    parts = split(of, Recipe())
    (rows,) = parts.validation.values()
    assert parts.by_image
    assert "same single object" in parts.label
    assert sum(of[row].anomalous for row in rows) == 4
    assert len(rows) == 6
    assert not set(rows) & set(parts.training)


def test_too_few_images_to_divide_are_refused_unless_none_are_to_validate() -> None:
    with pytest.raises(ConfigurationError, match=r"'a' has 1 good images.*--validation-share 0"):
        split(samples("a", good=1), Recipe())
    parts = split(samples("a", good=1), Recipe(validation_share=0))
    assert len(parts.training) == 6
    assert not parts.validation
    assert "the last epoch is kept" in parts.label
