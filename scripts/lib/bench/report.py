"""What a benchmark prints: a table for people, then one JSON line for programs."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import torch

    from app.offline.bench.pairs import PairedTimes

_WIDTH = 110  # where there is no terminal to ask

Shape = Annotated[str, typer.Option(help="open_clip model whose shape is measured")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda[:N]")]
Threads = Annotated[int, typer.Option(help="torch threads; 0 leaves torch's own choice", min=0)]


def use_threads(threads: int) -> None:
    if threads:
        import torch

        torch.set_num_threads(threads)


def new_table(*columns: str, title: str = "medians over the turns") -> Table:
    """The first column is words, the others are figures."""
    table = Table(*columns, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def add_pair(table: Table, label: str, times: PairedTimes) -> None:
    table.add_row(
        label,
        f"{1e3 * times.work_s:.1f} ms",
        f"{1e3 * times.baseline_s:.1f} ms",
        f"{times.ratio:.3f}",
    )


def finish(
    tables: Table | list[Table], benchmark: str, device: torch.device | str, **keys: object
) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for table in tables if isinstance(tables, list) else [tables]:
        console.print(table)
    print(json.dumps({"benchmark": benchmark, **keys, "machine": machine(device)}))


def machine(device: torch.device | str) -> dict[str, object]:
    import torch

    on_gpu = torch.device(device).type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]} ({platform.machine()})" if names else platform.machine()
