"""What lies in model_weights/demo: whole, as described, and able to see damage."""

import hashlib
import json
from pathlib import Path

import pytest
from safetensors import safe_open

from app.clipad.build import build_detector
from app.offline.benchmark_set import PIXELS_SHA256, benchmark_pairs
from app.offline.datasets import open_dataset
from app.offline.demo.evaluation import score_pairs, summary
from app.offline.demo.model import CONFIG
from app.offline.demo.report import demo_detector, table
from app.offline.demo.samples import SAMPLES, write_samples
from app.offline.evaluation.engine import Options, evaluate
from app.offline.synthetic.on_disk import DiskRecipe, expand_kinds, write_dataset

DEMO = Path(__file__).parents[3] / "model_weights" / "demo"
FIGURES = json.loads((DEMO / "metrics.json").read_text("utf-8"))


def test_weights_are_small_and_the_measured_ones() -> None:
    weights = (DEMO / "weights.safetensors").read_bytes()
    assert len(weights) <= 30_000_000
    assert hashlib.sha256(weights).hexdigest() == FIGURES["weights_sha256"]
    assert json.loads((DEMO / "config.json").read_text("utf-8")) == CONFIG


def test_readme_states_the_measured_figures() -> None:
    assert table(FIGURES) in (DEMO / "README.md").read_text("utf-8")


def test_figures_are_those_of_the_frozen_benchmark_and_reach_the_aims() -> None:
    assert FIGURES["benchmark_sha256"] == PIXELS_SHA256
    trained, unseen = FIGURES["groups"]["textures and panels"], FIGURES["groups"]["unseen textures"]
    assert trained["image_auroc"] >= 0.90
    assert trained["pixel_auroc"] >= 0.88
    assert unseen["image_auroc"] >= 0.88
    assert unseen["pixel_auroc"] >= 0.86
    assert trained["win_rate"] >= 0.85
    assert unseen["win_rate"] >= 0.85


@pytest.mark.slow
def test_a_part_of_the_benchmark_measured_again(tmp_path: Path) -> None:
    detector = demo_detector(DEMO, tmp_path)
    found = summary(score_pairs(detector, benchmark_pairs(["carpet"])))
    for kind, figures in found["per_kind"].items():
        recorded = FIGURES["groups"]["textures and panels"]["per_kind"][kind]
        for name, value in figures.items():
            assert value == pytest.approx(recorded[name], abs=0.02), (kind, name)


def test_heads_fit_the_weights_and_say_how_they_came_about(tmp_path: Path) -> None:
    backbone = demo_detector(DEMO, tmp_path).info
    with safe_open(DEMO / "heads.safetensors", framework="pt") as heads:
        notes = heads.metadata()
    assert notes["weights_sha256"] == backbone.weights_sha256
    assert notes["recommended"] == "sdp"
    data = DiskRecipe(expand_kinds(["objects", "textures", "panels"]), pairs=40)
    training = json.loads(notes["training"])
    assert training["images"] == 2 * data.pairs * len(data.kinds)
    assert training["objects"] == sorted(kind.replace(" ", "_") for kind in data.kinds)


@pytest.mark.slow
def test_heads_help_on_an_object_that_the_backbone_never_saw(tmp_path: Path) -> None:
    root = tmp_path / "nuts"
    write_dataset(root, DiskRecipe(("nut",), pairs=12, first_seed=3_000_000), lambda *_: None)
    detector = build_detector(
        backbone=str(DEMO / "config.json"),
        weights=str(DEMO / "weights.safetensors"),
        heads=str(DEMO / "heads.safetensors"),
        model_dir=tmp_path,
    )
    found = evaluate(open_dataset("mvtec", root), detector, Options(methods=("sdp", "sdp_plus")))
    sdp, sdp_plus = (of.objects[0].pixel for of in found.methods)
    assert sdp
    assert sdp_plus
    assert sdp_plus.auroc > sdp.auroc + 0.02
    assert sdp_plus.pro > sdp.pro + 0.05


def test_samples_are_there_and_small(tmp_path: Path) -> None:
    made = write_samples(tmp_path)
    shipped = sorted((DEMO / "samples").glob("*.png"))
    assert sorted(path.name for path in made) == [path.name for path in shipped]
    assert len(shipped) == 2 * len(SAMPLES)
    assert sum(path.stat().st_size for path in shipped) < 1_000_000
