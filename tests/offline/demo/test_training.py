"""The trainer on a tiny model: it learns, resumes exactly and exports what the service loads."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from app.clipad.build import build_detector
from app.errors import ConfigurationError
from app.offline.demo import data
from app.offline.demo.data import KIND_NAMES, PairStore
from app.offline.demo.losses import Losses
from app.offline.demo.model import export
from app.offline.demo.recipe import Recipe
from app.offline.demo.training import Trainer, run
from app.offline.synthetic import BENCHMARK_ONLY, OBJECTS, TRAINED, Pair, Split, generate_pair

TINY = {
    "embed_dim": 32,
    "vision_cfg": {
        "image_size": 240, "layers": 4, "width": 64, "head_width": 32, "patch_size": 16,
    },
    "text_cfg": {
        "context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1,
    },
}  # fmt: skip
RECIPE = Recipe(
    steps=6, pairs=len(KIND_NAMES), warm_up=2, cool_down=2, prompts=2, kinds_per_batch=2,
    sizes=((5, 1, 1.0),), final_sizes=((15, 1, 1.0),), whiten=False, config=TINY,
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Several threads add up in any order: exact equality needs one, as in a real run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PairStore:
    made = PairStore(tmp_path_factory.mktemp("pairs"), len(KIND_NAMES))
    made.fill(0, 1, lambda done, total: None)
    return made


def test_only_trained_kinds_of_the_training_split_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: set[tuple[str, Split]] = set()

    def watched(kind: str, seed: int, split: Split) -> Pair:
        drawn.add((kind, split))
        return generate_pair(kind, seed, split)

    monkeypatch.setattr(data, "generate_pair", watched)
    PairStore(tmp_path, 2 * len(TRAINED)).fill(0, 1, lambda done, total: None)
    assert drawn == {(kind, Split.TRAINING) for kind in TRAINED}
    assert TRAINED.keys().isdisjoint({*OBJECTS, *BENCHMARK_ONLY})


def quiet(_: str) -> None:
    """Logs nothing."""


def same(first: Trainer, second: Trainer) -> bool:
    left, right = first.averaged_state(), second.averaged_state()
    return all(torch.equal(left[key], right[key]) for key in left)


def test_crops_lie_at_their_true_places(store: PairStore) -> None:
    model = Trainer(RECIPE, store).model
    images = torch.randn(2, 3, 240, 240)
    whole = model.embed(images, torch.zeros(2, 2, dtype=torch.long))
    assert torch.allclose(whole, model.path.embed(images), atol=1e-5)
    crop = model.embed(images[:, :, 32:112, 48:128], torch.tensor([[2, 3], [2, 3]]))
    expected = whole[:, 1:].unflatten(1, (15, 15))[:, 2:7, 3:8].flatten(1, 2)
    assert torch.allclose(crop[:, 1:], expected, atol=1e-5)
    assert torch.allclose(crop[:, 0], whole[:, 0])


def test_batches_are_twins_with_their_damage(store: PairStore) -> None:
    batch = store.batch(np.random.default_rng(1), kinds=3, per_kind=2, size=5, aimed=1.0)
    assert batch.crops.shape == (12, 3, 80, 80)
    assert batch.cover.shape == (12, 5, 5)
    assert batch.cover[:6].sum() == 0
    assert (batch.cover[6:].flatten(1).sum(1) > 0).all()
    assert batch.kinds[::2].tolist() == batch.kinds[1::2].tolist()
    untouched = batch.cover[6:].amax(dim=(1, 2)) == 0
    assert not untouched.any()


def test_a_few_steps_lower_the_loss_on_one_batch(store: PairStore) -> None:
    trainer = Trainer(replace(RECIPE, steps=1000, warm_up=1, rate=2e-3), store)
    totals = []
    for _ in range(12):
        trainer.done = 5  # the same batch and rate again
        result, patches = trainer.step()
        totals.append(float(result.total(trainer.recipe.weights).detach()))
        assert patches == 4 * 25
    assert totals[-1] < 0.8 * totals[0]


def test_a_resumed_run_equals_an_undisturbed_one(store: PairStore, tmp_path: Path) -> None:
    straight = Trainer(RECIPE, store)
    run(straight, tmp_path / "straight.pt", quiet, save_seconds=1e9)
    first = Trainer(RECIPE, store)
    for _ in range(3):
        first.step()
    first.save(tmp_path / "broken.pt")
    second = Trainer(RECIPE, store)
    run(second, tmp_path / "broken.pt", quiet, save_seconds=1e9)
    assert second.done == straight.done == 6
    assert same(straight, second)
    assert not same(first, second)


def test_steps_may_change_only_before_the_cool_down(store: PairStore, tmp_path: Path) -> None:
    trainer = Trainer(RECIPE, store)
    for _ in range(3):
        trainer.step()
    trainer.save(tmp_path / "early.pt")
    longer = Trainer(replace(RECIPE, steps=9), store)
    longer.load(tmp_path / "early.pt")
    assert longer.done == 3
    trainer.step()
    trainer.step()
    trainer.save(tmp_path / "late.pt")
    with pytest.raises(ConfigurationError, match="step 5 of 6, already cooling"):
        longer.load(tmp_path / "late.pt")
    with pytest.raises(ConfigurationError, match="expected"):
        Trainer(replace(RECIPE, seed=1), store).load(tmp_path / "early.pt")
    with pytest.raises(ConfigurationError, match="made by 1 processes, expected 2"):
        Trainer(RECIPE, store, rank=0, ranks=2).load(tmp_path / "early.pt")


def test_the_rate_rises_stays_and_falls_to_zero() -> None:
    recipe = Recipe(steps=1000, warm_up=10, cool_down=200, rate=1.0)
    rates = [recipe.rate_at(step) for step in range(1001)]
    assert rates[0] == pytest.approx(0.1)
    assert set(rates[9:801]) == {1.0}
    assert all(a > b for a, b in pairwise(rates[801:]))
    assert rates[1000] == 0


def test_the_export_is_what_the_service_loads(store: PairStore, tmp_path: Path) -> None:
    trainer = Trainer(RECIPE, store)
    trainer.step()
    export(trainer.averaged_state(), TINY, tmp_path)
    detector = build_detector(
        backbone=str(tmp_path / "config.json"),
        weights=str(tmp_path / "weights.safetensors"),
        device="cpu",
        model_dir=tmp_path / "cache",
    )
    found = detector.predict(torch.randn(2, 3, 240, 240), ["carpet", "zyzzyva"])
    assert found.maps.shape == (2, 240, 240)
    assert bool(torch.isfinite(found.score).all())
    assert not torch.equal(found.maps[0], found.maps[1])


def test_whitening_shows_directions_of_equal_strength(store: PairStore) -> None:
    patches = store.patches(np.random.default_rng(2), 2000)
    weights = {
        whiten: Trainer(replace(RECIPE, whiten=whiten), store).model.clip.visual.conv1.weight
        for whiten in (False, True)
    }
    spread = {
        whiten: (torch.from_numpy(patches) @ weight.detach().flatten(1).T).std(0)
        for whiten, weight in weights.items()
    }
    ratio = {whiten: float(of.max() / of.min()) for whiten, of in spread.items()}
    assert ratio[True] < 2.5
    correlation = torch.corrcoef(
        (torch.from_numpy(patches) @ weights[True].detach().flatten(1).T).T
    )
    assert float((correlation - torch.eye(64)).abs().max()) < 0.35


def test_losses_are_finite_and_named(store: PairStore) -> None:
    result, _ = Trainer(RECIPE, store).step()
    for name in Losses.__annotations__:
        assert bool(torch.isfinite(getattr(result, name))), name
