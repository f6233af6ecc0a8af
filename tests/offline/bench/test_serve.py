"""The benchmark of a server: its pictures, and the command line against a real server."""

import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from app.clipad.detector import AnomalyDetector
from app.clipad.rvs import Rvs, RvsMethod
from app.offline.bench.serve import ModelRates, model_rate, model_rates, photograph
from tests import parity
from tests.forking import run

ROOT = Path(__file__).parent.parent.parent.parent


def test_the_picture_is_what_the_figures_speak_of() -> None:
    data = photograph()
    assert abs(len(data) - 330_000) < 30_000
    assert Image.open(io.BytesIO(data)).size == (1024, 1024)
    assert data == photograph()


def test_rates_of_the_model_alone() -> None:
    detector = AnomalyDetector(parity.backbone("tiny-vit"), rvs=Rvs(RvsMethod.MEAN))
    rates = model_rates(detector, (1, 3), turns=2)
    assert list(rates.by_batch) == [1, 3]
    assert min(rates.by_batch.values()) > 0
    assert model_rate(detector, 2, 0.1) > 0
    assert ModelRates({1: 3.0, 2: 5.0, 4: 4.0}).best_batch == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "key"),
    [
        pytest.param(
            ["start", "--turns", "1"], "ready_over_imports", marks=pytest.mark.nightly, id="start"
        ),
        pytest.param(
            ["log", "--turns", "10", "--warm-up", "2"],
            "log_ms",
            marks=pytest.mark.nightly,
            id="log",
        ),
        (["memory", "--requests", "20", "--first", "10"], "growth"),
    ],
)
def test_the_command_line_ends_in_one_line_of_json(command: list[str], key: str) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.defpath}
    done = run([ROOT / "scripts/lib/bench", *command], ROOT, environment, timeout=600)
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout.splitlines()[-1])
    assert line["benchmark"] == command[0]
    assert isinstance(line[key], float)
