"""What training heads costs: all of it, from files to a heads file, against one plain encode.

The backbone has a published model's shape and random weights. Training is the whole run as
`scripts/train_heads` does it (files checked, pictures decoded, features to disk, epochs with
validation, checkpoints, records, result), with the objects' text features already on disk, as
they are for a served model. The encode is `encode_image` of as many preprocessed tensors in
batches of 8. Knows nothing of the command line.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event, Thread

import numpy as np
import torch
from PIL import Image

from app.clipad.backbone import Backbone
from app.offline.bench.pairs import PairedTimes, time_pairs
from app.offline.datasets import open_dataset
from app.offline.training.interrupt import Stop
from app.offline.training.job import Job
from app.offline.training.recipe import Recipe
from app.offline.training.reporting import Silent
from app.offline.training.run import train

_OBJECTS = ("bolt", "washer", "gasket", "bracket", "spring")  # one of them validates
_BATCH = 8
_DISTINCT = 8  # batches of distinct tensors that the encode goes round, to spare memory
_SAMPLE_S = 0.02
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class HeadsCost:
    """times: the training and the encode. anonymous_gib: most anonymous memory of the process
    beyond what it had with the model loaded, None where the system does not tell; features_gib: on
    disk.
    """

    times: PairedTimes
    anonymous_gib: float | None
    features_gib: float


def compare_training(
    backbone: Backbone, images: int, turns: int, folder: Path, picture_side: int = 512
) -> HeadsCost:
    """Train heads on `images` generated pictures, five epochs, against encoding as many.

    picture_side: of the PNG files, in pixels. Works under `folder`.
    """
    before = _anonymous_bytes()
    write_pictures(folder / "small", _BATCH * len(_OBJECTS), picture_side)
    write_pictures(folder / "data", images, picture_side)
    runs = (folder / f"run-{number}" for number in count())
    sizes = []

    def work(data: str = "data") -> None:
        run = next(runs)
        job = Job(
            backbone=backbone,
            dataset=open_dataset("mvtec", folder / data),
            folder=run,
            out=run / "heads.safetensors",
            recipe=Recipe(patience=5),
            text_directory=folder / "texts",
        )
        train(job, Silent(), Stop())
        sizes.append(sum(path.stat().st_size for path in (run / "features").iterdir()))
        shutil.rmtree(run)

    generator = torch.Generator().manual_seed(0)
    shape = (min(_DISTINCT * _BATCH, images), 3, backbone.side, backbone.side)
    tensors = torch.split(torch.randn(shape, generator=generator), _BATCH)

    @torch.inference_mode()
    def encode() -> None:
        for number in range(0, images, _BATCH):
            batch = tensors[number // _BATCH % len(tensors)][: images - number]
            backbone.model.encode_image(batch.to(backbone.device)).cpu()

    with _most_anonymous_bytes() as most:
        work("small")  # warms up what is loaded once, and makes the texts
        times = time_pairs(work, encode, turns=turns, warm_up=0)
    anonymous = None if before is None else (max(most) - before) / 2**30
    return HeadsCost(times, anonymous, sizes[-1] / 2**30)


def write_pictures(root: Path, images: int, side: int) -> None:
    """A data set in MVTec-AD's layout: noise with squares for defects, half of it good."""
    rng = np.random.default_rng(0)
    for number in range(images):
        place = root / _OBJECTS[number % len(_OBJECTS)]
        kind = "good" if number // len(_OBJECTS) % 2 == 0 else "hole"
        coarse = rng.integers(60, 200, (12, 12, 3), dtype=np.uint8)
        picture = np.array(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))
        picture += rng.integers(0, 4, picture.shape, dtype=np.uint8)  # a camera's noise
        if kind == "hole":
            mask = np.zeros((side, side), np.uint8)
            top, left = rng.integers(0, side // 2, 2)
            mask[top : top + side // 6, left : left + side // 6] = 255
            picture[mask > 0] = 10
            truth = place / "ground_truth" / kind / f"{number:05d}_mask.png"
            truth.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(truth)
        path = place / "test" / kind / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, compress_level=1)


def _anonymous_bytes() -> int | None:
    """RssAnon of this process: memory of its own, not backed by files."""
    if not _STATUS.exists():
        return None
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) * 1024 if "RssAnon" in lines else None


@contextmanager
def _most_anonymous_bytes() -> Iterator[list[int]]:
    """A list of one number: the most anonymous memory seen while this lasts."""
    most = [0]
    ended = Event()

    def watch() -> None:
        while not ended.wait(_SAMPLE_S):
            most[0] = max(most[0], _anonymous_bytes() or 0)

    thread = Thread(target=watch, name="memory", daemon=True)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()
