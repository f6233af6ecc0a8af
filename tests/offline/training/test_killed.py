"""SIGKILL at any moment, then the same run again: the heads are those of an undisturbed run.

Real processes, forked from a server that has imported everything. Some are killed at a chosen
point, from inside: after the n-th call of what writes, computes, trains or validates. Others by
their parent, after a random time.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from app.offline.training import checkpoint, features, run
from app.offline.training.interrupt import Stop
from app.offline.training.recipe import Order
from app.offline.training.records import Records
from app.offline.training.reporting import Silent
from app.offline.training.run import train
from app.offline.training.store import FeatureStore
from app.offline.training.trainer import HeadsTrainer
from app.offline.training.validation import ObjectMeter
from tests.forking import CONTEXT, ready
from tests.offline.training.data import job, write_dataset
from tests.offline.training.test_run import events, same_heads, table

pytestmark = pytest.mark.slow

POINTS: dict[str, tuple[Any, str]] = {
    "a rename": (os, "replace"),
    "bytes on their way to the disk": (os, "fsync"),
    "features computed": (features, "tapped"),
    "features written": (FeatureStore, "write"),
    "a step": (HeadsTrainer, "step"),
    "a batch validated": (ObjectMeter, "add"),
    "a checkpoint": (checkpoint, "save"),
    "the records": (Records, "epoch"),
    "the result": (run, "write_heads"),
}


def child(data: Path, folder: Path, point: str, calls: int, after: bool) -> None:
    """Train in `folder`; die by SIGKILL before or after call number `calls` of a point."""
    torch.set_num_threads(1)
    if point:
        owner, name = POINTS[point]
        setattr(owner, name, deadly(getattr(owner, name), calls, after))
    features._COMMIT_SECONDS = 0.0
    train(job(data, folder, order=Order.SHUFFLED, save_every_s=0.0), Silent(), Stop())


def deadly(work: Callable[..., Any], calls: int, after: bool) -> Callable[..., Any]:
    count = 0

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == calls and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = work(*arguments, **options)
        if count == calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return counted


def start(
    data: Path, folder: Path, point: str = "", calls: int = 0, after: bool = True
) -> BaseProcess:
    ready()
    process = CONTEXT.Process(target=child, args=(data, folder, point, calls, after))
    process.start()
    return process


def finish(process: BaseProcess) -> int:
    process.join(timeout=600)
    assert process.exitcode is not None
    return process.exitcode


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("killed") / "data"
    write_dataset(root)
    return root


@pytest.fixture(scope="module")
def undisturbed(data: Path) -> Path:
    folder = data.parent / "undisturbed"
    assert finish(start(data, folder)) == 0
    return folder


def check_same_end(folder: Path, undisturbed: Path) -> None:
    assert same_heads(folder / "heads.safetensors", undisturbed / "heads.safetensors")
    timed = ("seconds", "images_per_s")
    for name in ("epochs.csv", "steps.csv"):
        ours, theirs = (
            [{key: row[key] for key in row if key not in timed} for row in table(of / name)]
            for of in (folder, undisturbed)
        )
        assert ours == theirs
    assert events(folder / "tensorboard") == events(undisturbed / "tensorboard")
    for path in (folder / "features").glob("*"):
        assert path.read_bytes() == (undisturbed / "features" / path.name).read_bytes()
    assert not list(folder.rglob("*.partial"))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("point", "calls"),
    [
        ("a rename", 1),
        ("a rename", 3),
        ("a rename", 7),
        ("bytes on their way to the disk", 6),
        ("bytes on their way to the disk", 20),
        ("features computed", 3),
        ("features written", 2),
        ("a step", 1),
        ("a step", 6),
        ("a batch validated", 2),
        ("a checkpoint", 5),
        ("the records", 1),
        ("the records", 2),
        ("the result", 1),
    ],
)
def test_a_run_killed_at_a_chosen_point_ends_as_an_undisturbed_one(
    data: Path, undisturbed: Path, tmp_path: Path, point: str, calls: int, after: bool
) -> None:
    assert finish(start(data, tmp_path, point, calls, after)) == -signal.SIGKILL
    assert finish(start(data, tmp_path)) == 0
    check_same_end(tmp_path, undisturbed)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (1, 2))]
)
def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(
    data: Path, undisturbed: Path, tmp_path: Path, seed: int
) -> None:
    moments = random.Random(seed)
    longest, kills = 0.6, 0
    while not kills:
        # On a fast machine the first run may end unharmed: begin again, less patient.
        folder = tmp_path / f"{longest}"
        kills = kill_until_it_ends(data, folder, moments, longest)
        longest /= 2
    check_same_end(folder, undisturbed)


def kill_until_it_ends(data: Path, folder: Path, moments: random.Random, longest: float) -> int:
    """Train in `folder` with a SIGKILL `longest` seconds after each start, or less; the kills."""
    for kills in range(100):
        process = start(data, folder)
        time.sleep(moments.uniform(longest / 12, longest))
        process.kill()
        code = finish(process)
        if code == 0:
            return kills
        assert code == -signal.SIGKILL
    assert finish(start(data, folder)) == 0
    return 100
