"""Command line of `scripts/bench`."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import batches
import calibrating
import decoding
import good_parts
import models
import serving
import typer
from report import Device, Shape, Threads, add_pair, finish, new_table, use_threads

from app.clipad.choices import RvsMethod
from app.offline.command_line import run_one_of


def text(
    shape: Shape = "ViT-B-16-plus-240",
    turns: Annotated[int, typer.Option(help="timed turns", min=1)] = 5,
    device: Device = "auto",
    threads: Threads = 0,
    rvs: Annotated[RvsMethod, typer.Option(help="how the vector is chosen")] = RvsMethod.DBSCAN,
) -> None:
    """First use of a name against the uncut encode of its 418 prompts."""
    from app.clipad.build import resolve_device
    from app.clipad.rvs import Rvs
    from app.offline.bench.model import random_backbone
    from app.offline.bench.text import compare_with_uncut

    use_threads(threads)
    backbone = random_backbone(shape, resolve_device(device))
    times = compare_with_uncut(backbone, Rvs(rvs), turns)
    table = new_table("", "first use", "uncut encode", "ratio")
    add_pair(table, str(rvs), times)
    keys = {"cut_over_uncut": round(times.ratio, 4)}
    finish(table, "text", backbone.device, turns=turns, shape=shape, **keys)


def pro(
    maps: Annotated[int, typer.Option(help="number of maps", min=2)] = 500,
    side: Annotated[int, typer.Option(help="side of a map in pixels", min=8)] = 240,
    turns: Annotated[int, typer.Option(help="timed turns", min=1)] = 1,
) -> None:
    """Pixel AUROC, AP, F1-max and PRO of maps that come in batches and are not kept."""
    from app.offline.bench.pro import time_pixel_figures

    found = time_pixel_figures(maps, side, turns)
    table = new_table("maps", "side", "seconds", "peak memory grows by")
    table.add_row(str(maps), str(side), f"{found.seconds:.2f}", f"{found.growth_mib:.0f} MiB")
    finish(
        table,
        "pro",
        "cpu",
        maps=maps,
        side=side,
        turns=turns,
        seconds=round(found.seconds, 3),
        maps_per_second=round(maps / found.seconds, 1),
        peak_growth_mib=round(found.growth_mib, 1),
        figures=asdict(found.figures),
    )


def heads(
    shape: Shape = "ViT-B-16-plus-240",
    images: Annotated[int, typer.Option(help="images to train on", min=10)] = 48,
    turns: Annotated[int, typer.Option(help="timed turns", min=1)] = 3,
    picture_side: Annotated[int, typer.Option(help="of the PNG files, in pixels", min=32)] = 512,
    folder: Annotated[
        Path | None, typer.Option(help="where files are written for a while; default: the system's")
    ] = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Training heads for 5 epochs, from files to result, against one encode_image of the images."""
    from app.clipad.build import resolve_device
    from app.offline.bench.heads import compare_training
    from app.offline.bench.model import random_backbone

    use_threads(threads)
    backbone = random_backbone(shape, resolve_device(device))
    with tempfile.TemporaryDirectory(dir=folder) as place:
        cost = compare_training(backbone, images, turns, Path(place), picture_side)
    table = new_table("images", "training", "encode_image", "ratio")
    add_pair(table, str(images), cost.times)
    memory = cost.anonymous_gib
    keys = {
        "images": images,
        "picture_side": picture_side,
        "train_over_encode": round(cost.times.ratio, 4),
        "train_s": round(cost.times.work_s, 2),
        "encode_s": round(cost.times.baseline_s, 2),
        "features_gib": round(cost.features_gib, 3),
        **({} if memory is None else {"peak_rss_anon_growth_gib": round(memory, 3)}),
    }
    finish(table, "heads", backbone.device, turns=turns, shape=shape, **keys)


run_one_of(
    (
        *(text, pro, heads),
        *(models.model, models.codecs, batches.batches, decoding.decode),
        *(calibrating.calibration, good_parts.good_parts),
        *(serving.serve, serving.log, serving.start, serving.memory),
    ),
    "Benchmarks; of models, on random weights of a model's shape.",
)
