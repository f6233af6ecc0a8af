from typing import Any

import numpy as np
import pytest

from app.errors import ConfigurationError
from app.offline.datasets import Spelling
from app.offline.training.recipe import Order, Recipe, differences


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"depth": 2}, "layers 2: expected 1, 3 or 5"),
        ({"relu": True}, "relu True: expected 3 or 5 layers"),
        ({"rate": 0.0}, "rate 0.0: expected a number between 0 and 1"),
        ({"rate": float("nan")}, "rate nan"),
        ({"epochs": 0}, "epochs 0: expected at least 1"),
        ({"batch": 0}, "batch 0"),
        ({"patience": 0}, "patience 0"),
        ({"seed": -1}, "seed -1"),
        ({"validation_share": 1.0}, "validation share 1.0: expected at least 0 and below 1"),
    ],
)
def test_unusable_values_are_refused(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        Recipe(**changes)


def test_the_order_of_an_epoch_follows_from_seed_and_epoch_alone() -> None:
    rows = np.array([4, 5, 9, 11, 20])
    assert np.array_equal(Recipe().rows_of(rows, 3), rows)
    shuffled = Recipe(order=Order.SHUFFLED, seed=1)
    first, second = shuffled.rows_of(rows, 1), shuffled.rows_of(rows, 2)
    assert np.array_equal(first, shuffled.rows_of(rows, 1))
    assert not np.array_equal(first, second)
    assert sorted(first) == sorted(second) == sorted(rows)
    assert not np.array_equal(first, Recipe(order=Order.SHUFFLED, seed=2).rows_of(rows, 1))


def test_only_the_epochs_may_change_while_a_run_is_continued() -> None:
    assert Recipe(epochs=5).fixed == Recipe(epochs=9).fixed
    assert Recipe(seed=1).fixed != Recipe(seed=2).fixed
    assert differences(Recipe(rate=1e-3).fixed, Recipe().fixed) == "rate was 0.001, now 0.0001"


def test_names_are_spelled_in_words_or_as_the_data_set_does() -> None:
    assert Spelling.WORDS.of("metal_nut") == "metal nut"
    assert Spelling.DATASET.of("metal_nut") == "metal_nut"
