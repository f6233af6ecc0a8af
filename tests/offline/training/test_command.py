"""`scripts/train_heads` as a process: its options, errors, signals and exit codes."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from app.clipad.heads_file import load_heads
from tests import parity
from tests.forking import Program, run
from tests.offline.training.data import write_dataset

ROOT = Path(__file__).parents[3]
CONFIG, WEIGHTS = parity.files("tiny-vit")
SCRIPT = ROOT / "scripts" / "lib" / "train_heads.py"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "TERM": "dumb"}


def start(*arguments: str, models: Path) -> Program:
    return Program([SCRIPT, *arguments], ROOT, {**ENVIRONMENT, "CLIPAD_MODEL_DIR": str(models)})


def command(root: Path, run: Path, *more: str) -> list[str]:
    model = ["--backbone", CONFIG, "--weights", WEIGHTS]
    return ["mvtec", str(root), "--run", str(run), "--threads", "1", *model, *more]


@pytest.mark.slow
def test_help_names_every_option() -> None:
    shown = run([SCRIPT, "--help"], ROOT, ENVIRONMENT, timeout=600)
    assert shown.returncode == 0
    options = set(re.findall(r"--[a-z-]+", shown.stdout))
    assert options >= {
        *("--layers", "--relu", "--rate", "--epochs", "--batch", "--stages", "--taps", "--rvs"),
        *("--dbscan-eps", "--dbscan-min-samples", "--object", "--object-name", "--spelling"),
        *("--backbone", "--weights", "--device", "--out", "--run", "--features", "--seed"),
        *("--threads", "--order", "--patience", "--validation-share", "--validation-object"),
        *("--store-limit-gib", "--precision", "--save-every", "--fresh"),
    }


@pytest.mark.slow
def test_an_error_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data")
    words = command(tmp_path / "data", tmp_path / "run", "--stages", "7")
    process = start(*words, models=tmp_path)
    out, error = process.communicate(timeout=600)
    assert (process.returncode, out) == (1, "")
    assert error == "error: stages [7]: expected a choice from 1 to 4\n"


@pytest.mark.slow
def test_a_run_goes_through_and_the_same_command_again_has_nothing_to_do(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data")
    out = tmp_path / "mine.safetensors"
    words = command(tmp_path / "data", tmp_path / "run", "--epochs", "2", "--out", str(out))
    process = start(*words, models=tmp_path)
    told, error = process.communicate(timeout=600)
    assert (process.returncode, error) == (0, "")
    assert "14 images train, 7 of bolt validate" in told
    assert re.search(r"features of 21 images, [\d.]+ images/s", told)
    assert re.search(r"epoch 2: loss [\d.]+; validation: loss [\d.]+, pixel AUROC 0\.\d+", told)
    assert f"serve them: CLIPAD_HEADS={out}" in told
    assert load_heads(out, parity.backbone("tiny-vit")).notes.figures["finished"] is True
    process = start(*words, models=tmp_path)
    told, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    assert "nothing left to do" in told


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_usable_heads_and_the_usual_exit_code(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    write_dataset(tmp_path / "data")
    run = tmp_path / "run"
    words = command(tmp_path / "data", run, "--epochs", "100000", "--patience", "100000")
    process = start(*words, models=tmp_path)
    wait_for(run / "epochs.csv", "\n1,", process)
    process.send_signal(number)
    told, error = process.communicate(timeout=600)
    assert (process.returncode, error) == (code, "")
    assert f"stopped: the same command again continues {run}" in told
    notes = load_heads(run / "heads.safetensors", parity.backbone("tiny-vit")).notes
    assert notes.figures["finished"] is False
    assert notes.figures["epoch"] >= 1
    done = notes.figures["epochs_done"]
    process = start(*words, models=tmp_path)
    wait_for(run / "epochs.csv", f"\n{done + 2},", process)
    process.send_signal(number)
    told, _ = process.communicate(timeout=600)
    assert f"resumed after {done} epochs" in told


def wait_for(path: Path, text: str, process: Program) -> None:
    while not (path.exists() and text in path.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
