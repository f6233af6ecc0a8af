"""Whole runs on a tiny data set and the parity models."""

import csv
import json
import signal
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from PIL import Image
from safetensors.torch import load_file
from tensorboardX.proto.event_pb2 import Event

from app.clipad.heads_file import load_heads
from app.errors import ConfigurationError, DatasetError
from app.offline.datasets import Spelling
from app.offline.training.history import EpochRow
from app.offline.training.interrupt import Stop
from app.offline.training.job import Job
from app.offline.training.recipe import Order
from app.offline.training.reporting import Silent
from app.offline.training.run import Outcome, train
from app.offline.training.store import Precision
from tests import parity
from tests.offline.training.data import OBJECTS, job, write_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("heads") / "data"
    write_dataset(root)
    return root


class Watching(Silent):
    """Keeps what it is told; stops the run when so many images of a phase are done."""

    def __init__(self, stop: Stop, phase: str = "", images: int = 0) -> None:
        self.stop, self.until, self.images = stop, phase, images
        self.lines: list[str] = []
        self.phases: list[tuple[str, int, int]] = []
        self.rows: list[EpochRow] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    @contextmanager
    def phase(self, name: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
        seen = done
        self.phases.append((name, total, done))

        def advance(images: int) -> None:
            nonlocal seen
            seen += images
            assert seen <= total
            if name == self.until and seen >= self.images:
                self.stop.signal = signal.SIGINT

        yield advance

    def epoch(self, row: EpochRow, best: bool) -> None:
        self.rows.append(row)


def go(of: Job, phase: str = "", images: int = 0) -> tuple[Outcome, Watching]:
    watching = Watching(Stop(), phase, images)
    return train(of, watching, watching.stop), watching


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def events(folder: Path) -> dict[tuple[str, int], float]:
    """Every scalar of all event files in a folder; none may be there twice."""
    found = {}
    for path in folder.iterdir():
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            for value in event.summary.value:
                assert (value.tag, event.step) not in found
                found[value.tag, event.step] = value.simple_value
    return found


def test_a_run_ends_in_heads_that_say_how_they_came_about(data: Path, tmp_path: Path) -> None:
    of = job(data, tmp_path, epochs=3, spelling=Spelling.DATASET)
    outcome, watching = go(of)
    assert outcome.finished
    assert outcome.heads == of.out
    assert [name for name, _, _ in watching.phases] == [
        *("checking files", "features"),
        *(f"{phase}" for n in (1, 2, 3) for phase in (f"epoch {n}/3", f"validation {n}")),
    ]
    assert watching.rows == list(outcome.rows)
    losses = [row.loss for row in outcome.rows]
    assert losses == sorted(losses, reverse=True)
    notes = load_heads(of.out, of.backbone).notes
    assert (notes.backbone, notes.weights_sha256) == ("tiny-vit", of.backbone.weights_sha256)
    assert (notes.stages, notes.stage_ends, notes.depth) == ((1, 2, 3, 4), (3, 6, 9, 12), 1)
    assert (notes.recommended, notes.taps) == ("sdp", "equation")
    assert notes.training["objects"] == list(OBJECTS)
    assert notes.training["digest"] == of.dataset.digest
    assert notes.training["images"] == 21
    assert notes.training["training_images"] == 14
    assert notes.training["spelling"] == "dataset"
    assert notes.training["recipe"]["rate"] == 1e-3
    assert outcome.best is not None
    assert notes.figures["epoch"] == outcome.best.epoch
    assert notes.figures["validation_pixel_auroc"] == outcome.best.validation_pixel_auroc
    assert notes.figures["finished"] is True


def test_another_method_may_be_recommended_once_the_heads_were_evaluated(
    data: Path, tmp_path: Path
) -> None:
    of = job(data, tmp_path)
    go(of)
    before = table(tmp_path / "steps.csv")
    heads = load_heads(of.out, of.backbone)
    go(replace(of, recommended="sdp_plus"))
    again = load_heads(of.out, of.backbone)
    assert again.notes == replace(heads.notes, recommended="sdp_plus", created=again.notes.created)
    assert table(tmp_path / "steps.csv") == before
    with pytest.raises(ConfigurationError, match="'winclip': expected one of sdp, sdp_plus"):
        replace(of, recommended="winclip")


def test_records_hold_every_epoch_and_step_once_also_after_a_stop(
    data: Path, tmp_path: Path
) -> None:
    of = job(data, tmp_path, epochs=3)
    go(of, "epoch 2/3", 8)
    outcome, watching = go(of)
    assert "resumed after 1 epochs and 2 steps" in watching.lines
    rows = table(tmp_path / "epochs.csv")
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [float(row["loss"]) for row in rows] == [row.loss for row in outcome.rows]
    assert [int(row["epoch"]) for row in rows if row["best"] == "1"] == [
        outcome.best.epoch if outcome.best else 0
    ]
    steps = table(tmp_path / "steps.csv")
    assert [int(row["step"]) for row in steps] == list(range(1, 13))  # 14 images by 4, 3 times
    assert [int(row["epoch"]) for row in steps] == [1] * 4 + [2] * 4 + [3] * 4
    scalars = events(tmp_path / "tensorboard")
    for row in steps:
        shown = scalars.pop(("step/loss", int(row["step"])))
        assert shown == pytest.approx(float(row["loss"]))
    for each in outcome.rows:
        for name in ("loss", "validation_loss", "validation_pixel_auroc", "validation_pro"):
            shown = scalars.pop((f"epoch/{name}", each.epoch))
            assert shown == pytest.approx(getattr(each, name))
    assert not scalars
    first = sum(float(row["loss"]) * n for row, n in zip(steps[:4], (4, 4, 4, 2), strict=True))
    assert outcome.rows[0].loss == pytest.approx(first / 14)


@pytest.mark.parametrize(
    ("phase", "images", "heads"),
    [
        ("checking files", 5, False),
        ("features", 16, False),
        ("epoch 1/2", 4, True),
        ("validation 1", 4, True),
        ("epoch 2/2", 14, True),
    ],
)
def test_a_stopped_run_leaves_usable_heads_and_goes_on_to_the_same_end(
    data: Path, tmp_path: Path, phase: str, images: int, heads: bool
) -> None:
    of = job(data, tmp_path / "run", order=Order.SHUFFLED)
    stopped, _ = go(of, phase, images)
    assert not stopped.finished
    assert of.out.exists() == heads
    assert (stopped.heads == of.out) == heads
    if heads:
        notes = load_heads(of.out, of.backbone).notes
        assert notes.figures["epoch"] == (1 if phase == "epoch 2/2" else 0)
        assert notes.figures["finished"] is False
    resumed, watching = go(of)
    assert resumed.finished
    assert ("checking files" in [name for name, _, _ in watching.phases]) == (
        phase == "checking files"
    )
    whole = job(data, tmp_path / "whole", order=Order.SHUFFLED)
    undisturbed, _ = go(whole)
    assert same_heads(of.out, whole.out)
    figures = [(row.loss, row.validation_loss, row.validation_pro) for row in resumed.rows]
    assert figures == [
        (row.loss, row.validation_loss, row.validation_pro) for row in undisturbed.rows
    ]


def same_heads(left: Path, right: Path) -> bool:
    """Whether two heads files hold bit for bit the same weights."""
    one, other = load_file(left), load_file(right)
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_seed_and_order_decide_the_heads(data: Path, tmp_path: Path) -> None:
    variants = {
        "a": job(data, tmp_path / "a"),
        "again": job(data, tmp_path / "again"),
        "seed": job(data, tmp_path / "seed", seed=7, validation_objects=("bolt",)),
        "order": job(data, tmp_path / "order", order=Order.SHUFFLED),
    }
    for of in variants.values():
        go(of)
    assert same_heads(variants["a"].out, variants["again"].out)
    assert not same_heads(variants["a"].out, variants["seed"].out)
    assert not same_heads(variants["a"].out, variants["order"].out)


def test_another_choice_in_the_same_folder_is_refused_or_starts_over(
    data: Path, tmp_path: Path
) -> None:
    go(job(data, tmp_path, epochs=1))
    before = (tmp_path / "checkpoint.pt").read_bytes()
    for changes, expected in (
        ({"rate": 1e-2}, r"rate was 0\.001, now 0\.01"),
        ({"spelling": Spelling.DATASET}, "spelling was words, now dataset"),
        ({"stages": [3, 4]}, r"stages was \[1, 2, 3, 4\], now \[3, 4\]"),
        ({"objects": ["bolt", "washer"]}, "data set was .{23}, now .{23}"),
        ({"precision": Precision.FLOAT32}, "precision was float16, now float32"),
    ):
        with pytest.raises(ConfigurationError, match=f"{expected}.*--fresh starts over"):
            go(job(data, tmp_path, epochs=1, **changes))
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    # A fresh run makes anew what does not fit, and nothing else.
    _, watching = go(job(data, tmp_path, epochs=1, fresh=True, rate=1e-2))
    assert "features" not in [name for name, _, _ in watching.phases]
    outcome, watching = go(job(data, tmp_path, epochs=1, fresh=True, stages=[3, 4]))
    assert "features" in [name for name, _, _ in watching.phases]
    assert outcome.finished
    assert load_file(tmp_path / "heads.safetensors").keys() == {
        f"fc.{stage}.{part}" for stage in range(2) for part in ("weight", "bias")
    }


def test_epochs_may_be_added_and_make_what_a_longer_run_makes(data: Path, tmp_path: Path) -> None:
    go(job(data, tmp_path / "more", epochs=1))
    _, watching = go(job(data, tmp_path / "more", epochs=1))
    assert watching.lines[-1] == "training has ended before: nothing left to do"
    go(job(data, tmp_path / "more", epochs=3))
    go(job(data, tmp_path / "at once", epochs=3))
    assert same_heads(tmp_path / "more/heads.safetensors", tmp_path / "at once/heads.safetensors")
    with pytest.raises(ConfigurationError, match="epochs 2: 3 are done"):
        go(job(data, tmp_path / "more", epochs=2))


def test_features_can_be_shared_between_runs(data: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    go(job(data, tmp_path / "one", features=shared))
    _, watching = go(job(data, tmp_path / "two", features=shared, rate=1e-2))
    assert not {"features", "checking files"} & {name for name, _, _ in watching.phases}
    assert not (tmp_path / "two" / "features").exists()
    with pytest.raises(ConfigurationError, match="were made of something else"):
        go(job(data, tmp_path / "three", features=shared, stages=[1], fresh=True))
    assert json.loads((shared / "index.json").read_text())["done"] == 21


@pytest.mark.parametrize("taps", ["released"])
def test_heads_of_a_resnet_have_its_layers_widths(data: Path, tmp_path: Path, taps: str) -> None:
    of = job(data, tmp_path, model="tiny-resnet", taps=taps, epochs=1, depth=3, relu=True)
    outcome, _ = go(of)
    assert outcome.finished
    loaded = load_heads(of.out, of.backbone)
    expected = parity.expected("tiny-resnet")
    assert loaded.heads.widths == tuple(
        expected[f"head.fc.{stage}.weight"].shape[1] for stage in range(4)
    )
    assert (loaded.notes.depth, loaded.notes.relu, loaded.notes.taps) == (3, True, taps)


def test_a_single_object_and_no_validation_work(data: Path, tmp_path: Path) -> None:
    single, watching = go(job(data, tmp_path / "single", objects=["metal nut"]))
    assert "of the same single object" in watching.lines[0]
    assert single.best is not None
    none, watching = go(job(data, tmp_path / "none", validation_share=0.0))
    assert "none validate: the last epoch is kept" in watching.lines[0]
    assert none.best is not None
    assert (none.best.epoch, none.best.validation_loss) == (2, None)
    row = table(tmp_path / "none" / "epochs.csv")[1]
    assert (row["validation_loss"], row["best"]) == ("", "1")


def test_what_cannot_be_trained_on_is_said_before_any_work(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data")
    broken = tmp_path / "data" / "washer" / "test" / "hole" / "006.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-20])
    with pytest.raises(DatasetError, match=r"006\.png"):
        go(job(tmp_path / "data", tmp_path / "run"))
    assert not (tmp_path / "run" / "features").exists()
    folder = tmp_path / "no masks"
    for kind in ("good", "bad"):
        (folder / kind).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / kind / "0.png")
    from app.offline.datasets import open_dataset

    unmarked = job(tmp_path / "data", tmp_path / "run", dataset=open_dataset("folder", folder))
    with pytest.raises(ConfigurationError, match="anomalous images without masks"):
        go(unmarked)
    broken.write_bytes(whole)
    with pytest.raises(ConfigurationError, match=r"need 0\.\d+ GiB, allowed are 1e-06 GiB"):
        go(job(tmp_path / "data", tmp_path / "run", store_limit_gib=1e-6))


def test_two_processes_do_not_share_a_run(data: Path, tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / "lock"),
        pytest.raises(ConfigurationError, match="another process is at work in it"),
    ):
        go(job(data, tmp_path))
    assert go(job(data, tmp_path))[0].finished


def test_an_unreadable_checkpoint_is_said(data: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(ConfigurationError, match=r"checkpoint\.pt: not readable .*--fresh"):
        go(job(data, tmp_path))
    assert go(job(data, tmp_path, fresh=True))[0].finished
