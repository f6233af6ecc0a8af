"""Benchmark of a calibration: many pictures in one request, alone and beside predictions."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from report import Shape, Threads, finish, new_table

if TYPE_CHECKING:
    from app.offline.bench.load import Load

_SERVER = Path(__file__).parent / "server.py"
_CLIENTS = (1, 4)


def good_parts(
    shape: Shape = "ViT-B-16-plus-240",
    pictures: Annotated[int, typer.Option(help="in the request", min=1)] = 60,
    seconds: Annotated[float, typer.Option(help="of predictions in each turn", min=1)] = 30,
    turns: Annotated[int, typer.Option(help="each without and with it", min=1)] = 3,
    threads: Threads = 0,
) -> None:
    """A calibration in one request to a real server on random weights, and predictions beside."""
    import torch

    from app.offline.bench.beside import calibrate
    from app.offline.bench.load import closed_loop, percentile
    from app.offline.bench.process import ServerProcess
    from app.offline.bench.serve import photograph, question

    picture = photograph()
    good = [picture] * pictures
    settings = {"CLIPAD_DEVICE": "cpu"} | ({"CLIPAD_THREADS": str(threads)} if threads else {})
    command = [sys.executable, str(_SERVER), "--shape", shape]
    keys: dict[str, object] = {"shape": shape, "pictures": pictures, "turns": turns}
    table = new_table(
        "predictions by", "p50 s", "p95 s", "beside it p50", "p95", "p95 of the pairs", "its s"
    )
    with (
        tempfile.TemporaryDirectory() as place,
        ServerProcess(
            command, settings | {"CLIPAD_DATA_DIR": place}, Path(place) / "log"
        ) as server,
    ):
        where = f"{server.url}/categories/part/calibration"
        closed_loop(question(server.url), picture, 1, requests=3)  # the name is learnt
        before = server.memory_mib("VmHWM")
        keys["alone_s"] = round(calibrate(where, good), 2)
        keys["peak_rss_growth_mib"] = round(server.memory_mib("VmHWM") - before, 1)
        for clients in _CLIENTS:
            alone, along, times = _turns(server.url, picture, clients, seconds, turns, where, good)
            pairs = [
                percentile(with_it.served, 95) / percentile(without.served, 95)
                for without, with_it in zip(alone, along, strict=True)
            ]
            figures = [
                median(percentile(load.served, q) for load in loads)
                for loads in (alone, along)
                for q in (50, 95)
            ]
            _refuse_others([*alone, *along])
            cells = [f"{figure:.2f}" for figure in (*figures, median(pairs), median(times))]
            table.add_row(f"{clients} at once", *cells)
            names = ("p50_s", "p95_s", "p50_beside_s", "p95_beside_s", "p95_ratio", "beside_s")
            values = (*figures, median(pairs), median(times))
            keys |= {
                f"c{clients}_{name}": round(value, 3)
                for name, value in zip(names, values, strict=True)
            }
    finish(table, "good_parts", torch.device("cpu"), **keys)


def _turns(
    url: str,
    picture: bytes,
    clients: int,
    seconds: float,
    turns: int,
    where: str,
    good: list[bytes],
) -> tuple[list[Load], list[Load], list[float]]:
    """Without and with a calibration beside, in turns -> loads of both, the calibrations' times."""
    from app.offline.bench.beside import beside
    from app.offline.bench.load import closed_loop
    from app.offline.bench.serve import question

    alone: list[Load] = []
    along: list[Load] = []
    times: list[float] = []
    for _ in range(turns):
        alone.append(closed_loop(question(url), picture, clients, seconds=seconds))
        load, taken = beside(question(url), picture, clients, seconds, where, good)
        along.append(load)
        times += taken
    return alone, along, times


def _refuse_others(loads: list[Load]) -> None:
    statuses = {answer.status for load in loads for answer in load.answers}
    if statuses != {200}:
        raise RuntimeError(f"predictions were answered {sorted(statuses)}")
