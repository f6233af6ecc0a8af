"""Command line of `scripts/bench`: a table for people, then one JSON line for programs."""

import json
import os
import platform
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from app.clipad.build import resolve_device
from app.clipad.rvs import Rvs, RvsMethod
from app.offline.bench.heads import compare_training
from app.offline.bench.model import compare_with_encode, random_backbone
from app.offline.bench.pairs import PairedTimes
from app.offline.bench.pro import time_pixel_figures
from app.offline.bench.text import compare_with_uncut

Shape = Annotated[str, typer.Option(help="open_clip model whose shape is measured")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda[:N]")]
Threads = Annotated[int, typer.Option(help="torch threads; 0 leaves torch's own choice", min=0)]

app = typer.Typer(help="Benchmarks; of models, on random weights of a model's shape.")


@app.command()
def model(
    shape: Shape = "ViT-B-16-plus-240",
    batch: Annotated[list[int] | None, typer.Option(help="batch size; may be repeated")] = None,
    turns: Annotated[int, typer.Option(help="timed turns per batch size", min=1)] = 11,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """SDP's detection against the plain encode_image, batch by batch."""
    _use_threads(threads)
    backbone = random_backbone(shape, resolve_device(device))
    table = _table("batch", "SDP", "encode_image")
    keys = {}
    for size, times in compare_with_encode(backbone, batch or [1, 8], turns):
        _add(table, str(size), times)
        keys[f"sdp_over_encode_b{size}"] = round(times.ratio, 4)
    _finish(table, "model", shape, backbone.device, turns, keys)


@app.command()
def text(
    shape: Shape = "ViT-B-16-plus-240",
    turns: Annotated[int, typer.Option(help="timed turns", min=1)] = 5,
    device: Device = "auto",
    threads: Threads = 0,
    rvs: Annotated[RvsMethod, typer.Option(help="how the vector is chosen")] = RvsMethod.DBSCAN,
) -> None:
    """First use of a name against the uncut encode of its 418 prompts."""
    _use_threads(threads)
    backbone = random_backbone(shape, resolve_device(device))
    times = compare_with_uncut(backbone, Rvs(rvs), turns)
    table = _table("", "first use", "uncut encode")
    _add(table, str(rvs), times)
    keys = {"cut_over_uncut": round(times.ratio, 4)}
    _finish(table, "text", shape, backbone.device, turns, keys)


@app.command()
def pro(
    maps: Annotated[int, typer.Option(help="number of maps", min=2)] = 500,
    side: Annotated[int, typer.Option(help="side of a map in pixels", min=8)] = 240,
    turns: Annotated[int, typer.Option(help="timed turns", min=1)] = 1,
) -> None:
    """Pixel AUROC, AP, F1-max and PRO of maps that come in batches and are not kept."""
    found = time_pixel_figures(maps, side, turns)
    table = Table("maps", "side", "seconds", "peak memory grows by", title="median over the turns")
    table.add_row(str(maps), str(side), f"{found.seconds:.2f}", f"{found.growth_mib:.0f} MiB")
    Console().print(table)
    line = {
        "benchmark": "pro",
        "maps": maps,
        "side": side,
        "turns": turns,
        "seconds": round(found.seconds, 3),
        "maps_per_second": round(maps / found.seconds, 1),
        "peak_growth_mib": round(found.growth_mib, 1),
        "figures": asdict(found.figures),
        "machine": _machine(torch.device("cpu")),
    }
    print(json.dumps(line))


@app.command()
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
    _use_threads(threads)
    backbone = random_backbone(shape, resolve_device(device))
    with tempfile.TemporaryDirectory(dir=folder) as place:
        cost = compare_training(backbone, images, turns, Path(place), picture_side)
    table = _table("images", "training", "encode_image")
    _add(table, str(images), cost.times)
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
    _finish(table, "heads", shape, backbone.device, turns, keys)


def _use_threads(threads: int) -> None:
    if threads:
        torch.set_num_threads(threads)


def _table(*columns: str) -> Table:
    table = Table(*columns, "ratio", title="medians over the turns")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _add(table: Table, label: str, times: PairedTimes) -> None:
    table.add_row(
        label,
        f"{1e3 * times.work_s:.1f} ms",
        f"{1e3 * times.baseline_s:.1f} ms",
        f"{times.ratio:.3f}",
    )


def _finish(
    table: Table,
    benchmark: str,
    shape: str,
    device: torch.device,
    turns: int,
    keys: dict[str, float],
) -> None:
    Console().print(table)
    line = {"benchmark": benchmark, "shape": shape, "turns": turns, **keys}
    print(json.dumps({**line, "machine": _machine(device)}))


def _machine(device: torch.device) -> dict[str, object]:
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "processor": platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


app()
