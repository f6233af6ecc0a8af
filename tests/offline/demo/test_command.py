"""The command: its options, and two real processes that share every step."""

import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from typer import Typer
from typer.testing import CliRunner

from app.offline.demo.command import main
from app.offline.demo.data import PairStore
from app.offline.demo.run import ship, train
from app.offline.demo.training import Trainer
from app.settings import DEMO_HEADS
from tests import forking
from tests.offline.demo.test_training import RECIPE


def test_help_names_every_option() -> None:
    command = Typer()
    command.command()(main)
    result = CliRunner().invoke(command, ["--help"], env={"COLUMNS": "120", "TERM": "dumb"})
    assert result.exit_code == 0
    for option in ("--steps", "--seed", "--processes", "--export-only", "--evaluate-only"):
        assert option in result.output


@pytest.mark.slow
def test_two_processes_average_their_gradients_and_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forking.ready()
    start = partial(torch.multiprocessing.start_processes, start_method="forkserver")
    monkeypatch.setattr(torch.multiprocessing, "start_processes", start)
    train(2, RECIPE, tmp_path, 0)
    store = PairStore(tmp_path, RECIPE.pairs)
    shared, alone = Trainer(RECIPE, store, ranks=2), Trainer(RECIPE, store)
    shared.load(tmp_path / "checkpoint.pt")
    assert shared.done == RECIPE.steps
    for _ in range(RECIPE.steps):
        alone.step()
    # The second process saw other crops: their mean moves the weights another way.
    left, right = shared.averaged_state(), alone.averaged_state()
    moved = [not torch.allclose(left[key], right[key], atol=1e-7) for key in left]
    assert any(moved)
    # A finished run that is started again has nothing left to do.
    before = (tmp_path / "checkpoint.pt").read_bytes()
    train(2, RECIPE, tmp_path, 0)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    # Shipping needs no second process, though two made the checkpoint.
    ship(RECIPE, 2, tmp_path, tmp_path / "shipped")
    assert (tmp_path / "shipped" / "weights.safetensors").is_file()
    assert len(list((tmp_path / "shipped" / "samples").glob("*.png"))) == 8
    assert "made for other weights" not in capsys.readouterr().out
    # Heads that lie there belong to the weights they were trained on, which are gone now.
    shutil.copy(DEMO_HEADS, tmp_path / "shipped")
    ship(RECIPE, 2, tmp_path, tmp_path / "shipped")
    assert "heads.safetensors was made for other weights" in capsys.readouterr().out
