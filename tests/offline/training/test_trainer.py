"""The trainer against the released implementation's five steps, through stored features."""

from pathlib import Path

import numpy as np
import pytest
import torch

from app.errors import ConfigurationError
from app.offline.training.recipe import Recipe
from app.offline.training.store import FeatureStore, Precision
from app.offline.training.trainer import HeadsTrainer, new_heads
from tests import parity
from tests.clipad.test_heads import CASES, parity_heads, parity_patches

SIDE = 96


def parity_store(folder: Path, model: str, taps: str, precision: Precision) -> FeatureStore:
    patches = parity_patches(model, taps)
    shapes = [(each.shape[1], each.shape[2]) for each in patches]
    store = FeatureStore(folder, {}, shapes, SIDE, 3, precision)
    store.write(patches, parity.expected(model)[f"{taps}.mask"].numpy() > 0)
    store.commit()
    return store


def parity_trainer(store: FeatureStore, model: str, recipe: Recipe) -> HeadsTrainer:
    texts = parity.expected(model)["text.mean.metal nut"].reshape(1, -1, 2)
    rows = np.zeros(3, np.int64)
    heads = parity_heads(model, "head")
    return HeadsTrainer(heads, store, texts, rows, SIDE, recipe, torch.device("cpu"))


# Measured with half precision on disk: losses 2e-4 apart, one weight in 30,000 more than 1e-4.
@pytest.mark.parametrize(
    ("precision", "apart"), [(Precision.FLOAT32, 1e-4), (Precision.FLOAT16, 5e-4)]
)
@pytest.mark.parametrize(("model", "taps"), CASES)
def test_five_steps_equal_the_released_implementation(
    tmp_path: Path, model: str, taps: str, precision: Precision, apart: float
) -> None:
    store = parity_store(tmp_path, model, taps, precision)
    trainer = parity_trainer(store, model, Recipe())
    losses = torch.tensor([trainer.step(np.arange(3)) for _ in range(5)])
    expected = parity.expected(model)
    torch.testing.assert_close(losses, expected[f"{taps}.losses"], atol=apart, rtol=0)
    trained = parity_heads(model, f"{taps}.trained").state_dict()
    for name, value in trainer.heads_state().items():
        torch.testing.assert_close(value, trained[name], atol=apart, rtol=0)
        assert (value - trained[name]).abs().mean() < 1e-6


def test_a_loaded_state_goes_on_as_the_saved_one_would_have(tmp_path: Path) -> None:
    store = parity_store(tmp_path, "tiny-vit", "equation", Precision.FLOAT16)
    whole = parity_trainer(store, "tiny-vit", Recipe(rate=1e-2))
    first = parity_trainer(store, "tiny-vit", Recipe(rate=1e-2))
    losses = [whole.step(np.arange(3)) for _ in range(4)]
    assert [first.step(np.arange(3)) for _ in range(2)] == losses[:2]
    second = parity_trainer(store, "tiny-vit", Recipe(rate=1e-2))
    second.load(first.state())
    assert [second.step(np.arange(3)) for _ in range(2)] == losses[2:]
    for name, value in whole.heads_state().items():
        assert torch.equal(value, second.heads_state()[name])


@pytest.mark.parametrize(("depth", "relu", "layers"), [(1, False, 1), (3, True, 3), (5, False, 5)])
def test_new_heads_follow_from_the_seed_alone(depth: int, relu: bool, layers: int) -> None:
    recipe = Recipe(depth=depth, relu=relu)
    before = torch.get_rng_state()
    heads = new_heads([6, 8], 5, recipe)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    again, other = new_heads([6, 8], 5, recipe), new_heads([6, 8], 5, Recipe(depth, relu, seed=1))
    assert sum(value.ndim == 2 for value in heads.state_dict().values()) == 2 * layers
    for name, value in heads.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
        assert not torch.equal(value, other.state_dict()[name])


def test_validation_changes_nothing_and_measures_each_object(tmp_path: Path) -> None:
    store = parity_store(tmp_path, "tiny-vit", "equation", Precision.FLOAT32)
    trainer = parity_trainer(store, "tiny-vit", Recipe(batch=2))
    before = trainer.heads_state()
    seen: list[int] = []
    both = trainer.validate({"a": np.array([0, 1]), "b": np.array([2])}, seen.append)
    assert seen == [2, 1]
    alone = [trainer.validate({"a": rows}, seen.append) for rows in (np.arange(2), np.array([2]))]
    assert both.loss == pytest.approx(sum(each.loss for each in alone) / 2)
    assert all(torch.equal(value, before[name]) for name, value in trainer.heads_state().items())
    for _ in range(5):
        trainer.step(np.arange(3))
    after = trainer.validate({"a": np.arange(3)}, seen.append)
    assert after.pixel_auroc is not None
    assert after.pro is not None
    assert 0 <= after.pro <= 1
    assert after.loss < both.loss


def test_a_loss_that_is_no_number_ends_training(tmp_path: Path) -> None:
    store = parity_store(tmp_path, "tiny-vit", "equation", Precision.FLOAT32)
    trainer = parity_trainer(store, "tiny-vit", Recipe())
    state = trainer.state()
    state.heads["fc.0.weight"].fill_(torch.nan)
    words = "loss is nan: expected a number; try a lower --rate"
    with pytest.raises(ConfigurationError, match=words):
        trainer.validate({"a": np.arange(3)}, lambda _: None)
    with pytest.raises(ConfigurationError, match=words):
        trainer.step(np.arange(3))
