"""Command line of `scripts/bench`: a table for people, then one JSON line for programs."""

import json
import os
import platform
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from app.clipad.build import resolve_device
from app.clipad.rvs import Rvs, RvsMethod
from app.offline.bench.model import compare_with_encode, random_backbone
from app.offline.bench.pairs import PairedTimes
from app.offline.bench.text import compare_with_uncut

Shape = Annotated[str, typer.Option(help="open_clip model whose shape is measured")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda[:N]")]
Threads = Annotated[int, typer.Option(help="torch threads; 0 leaves torch's own choice")]

app = typer.Typer(help="Paired benchmarks on random weights of a model's shape.")


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
    machine = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "processor": platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    line = {"benchmark": benchmark, "shape": shape, "turns": turns, **keys, "machine": machine}
    print(json.dumps(line))


app()
