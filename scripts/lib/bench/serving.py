"""Benchmarks of a running server: under load, at its start, over many requests."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from report import Shape, Threads, finish, new_table, use_threads
from rich.table import Table

if TYPE_CHECKING:
    from app.offline.bench.load import Load

CPU = "cpu"
_SERVER = Path(__file__).parent / "server.py"
_IMPORTS = "import torch, open_clip"


def serve(
    shape: Shape = "ViT-B-16-plus-240",
    seconds: Annotated[float, typer.Option(help="of each closed loop", min=1)] = 20,
    open_seconds: Annotated[float, typer.Option(help="of each open loop", min=1)] = 60,
    turns: Annotated[int, typer.Option(help="pairs of model alone and 8 clients", min=1)] = 3,
    requests: Annotated[int, typer.Option(help="on the idle server, of each kind", min=1)] = 15,
    timeout_s: Annotated[float, typer.Option(help="CLIPAD_REQUEST_TIMEOUT_S", min=1)] = 30,
    threads: Threads = 0,
) -> None:
    """A real server with an injected detector on random weights, on this machine's CPUs (torch)."""
    import torch

    from app.clipad.detector import AnomalyDetector
    from app.offline.bench.load import answers_beside, closed_loop, open_loop, percentile
    from app.offline.bench.model import random_backbone
    from app.offline.bench.process import ServerProcess
    from app.offline.bench.serve import (
        against_model,
        large_photograph,
        model_rates,
        photograph,
        question,
    )

    use_threads(threads)
    picture = photograph()
    settings = {"CLIPAD_DEVICE": "cpu", "CLIPAD_REQUEST_TIMEOUT_S": str(timeout_s)}
    settings |= {"CLIPAD_THREADS": str(threads)} if threads else {}
    detector = AnomalyDetector(random_backbone(shape, torch.device(CPU)))
    keys: dict[str, object] = {"shape": shape, "picture_bytes": len(picture)}
    command = [sys.executable, str(_SERVER), "--shape", shape]
    with (
        tempfile.TemporaryDirectory() as place,
        ServerProcess(command, settings, Path(place) / "log") as server,
    ):
        closed_loop(question(server.url), picture, 1, requests=3)  # the name is learnt
        idle = _idle_table(server.url, picture, requests, keys)
        small, large = answers_beside(
            server.url + "/healthz",
            question(server.url, "overlay"),
            large_photograph(),
            seconds,
        )
        keys |= {
            f"healthz_beside_large_p{q}_ms": round(1000 * percentile(small.served, q), 2)
            for q in (50, 99, 100)
        }
        keys["large_p50_s"] = round(percentile(large.served, 50), 3)
        rates = model_rates(detector)
        keys |= {f"model_images_s_b{b}": round(r, 3) for b, r in rates.by_batch.items()}
        table = _load_table()
        alone, at_8 = against_model(server.url, picture, detector, rates.best_batch, turns, seconds)
        pairs = [load.rate / rate for load, rate in zip(at_8, alone, strict=True)]
        keys |= {"serve_over_model_c8": round(median(pairs), 4), "pairs": _rounded(pairs)}
        capacity = median(load.rate for load in at_8)
        for clients in (1, 2, 4, 8, 32):
            load = (
                at_8[0]
                if clients == 8
                else closed_loop(question(server.url), picture, clients, seconds=seconds)
            )
            _add_load(table, f"{clients} clients", f"c{clients}", load, keys)
        for share in (0.5, 1, 2):
            load = open_loop(question(server.url), picture, share * capacity, open_seconds)
            _add_load(table, f"{share:g} x capacity", f"open{share:g}", load, keys)
            keys[f"open{share:g}_goodput_over_capacity"] = round(load.rate / capacity, 4)
        keys |= {"peak_rss_mib": round(server.memory_mib("VmHWM"), 1), "capacity": capacity}
    finish([idle, table], "serve", CPU, **keys)


def start(
    turns: Annotated[int, typer.Option(help="timed turns", min=1)] = 5,
) -> None:
    """`python -m app` with the demo backbone, from the process's start until it is ready."""
    from app.offline.bench.process import ServerProcess

    ready, imports = [], []
    with tempfile.TemporaryDirectory() as place:
        settings = {"CLIPAD_MODEL_DIR": place}
        for turn in range(turns + 1):
            with ServerProcess(
                [sys.executable, "-m", "app"], settings, Path(place) / "log"
            ) as server:
                begin = time.perf_counter()
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", _IMPORTS], check=True)
            if turn:  # the first warms the disk
                imports.append(time.perf_counter() - begin)
                ready.append(server.ready_s)
    table = new_table("", "median", "all turns")
    for label, times in (("ready", ready), (_IMPORTS, imports)):
        table.add_row(label, f"{median(times):.2f} s", " ".join(f"{t:.2f}" for t in times))
    ratios = [r / i for r, i in zip(ready, imports, strict=True)]
    finish(
        table,
        "start",
        CPU,
        turns=turns,
        ready_s=round(median(ready), 3),
        imports_s=round(median(imports), 3),
        ready_over_imports=round(median(ratios), 3),
    )


def memory(
    requests: Annotated[int, typer.Option(help="in all", min=20)] = 10_000,
    first: Annotated[int, typer.Option(help="after which growth counts", min=1)] = 1_000,
) -> None:
    """Resident memory of `python -m app` with the demo backbone, over many requests."""
    from app.offline.bench.process import ServerProcess
    from app.offline.bench.serve import growth, photograph

    with (
        tempfile.TemporaryDirectory() as place,
        ServerProcess(
            [sys.executable, "-m", "app"], {"CLIPAD_MODEL_DIR": place}, Path(place) / "log"
        ) as server,
    ):
        seen = growth(server.url, photograph(), requests, first, server.memory_mib)
    table = new_table("requests", "resident memory", title="")
    for count, mib in seen.items():
        table.add_row(str(count), f"{mib:.1f} MiB")
    finish(
        table,
        "memory",
        CPU,
        requests=requests,
        first=first,
        growth=round(seen[requests] / seen[first] - 1, 4),
        rss_mib={str(count): round(mib, 1) for count, mib in seen.items()},
    )


def log(
    turns: Annotated[int, typer.Option(help="requests to each server", min=10)] = 1_000,
    warm_up: Annotated[int, typer.Option(help="requests before, not counted", min=1)] = 50,
) -> None:
    """What the inspection log costs: two demo servers, one without it, asked in turns."""
    from app.offline.bench.load import in_turns, percentile
    from app.offline.bench.process import ServerProcess
    from app.offline.bench.serve import photograph, question

    servers: list[ServerProcess] = []
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        for name, rows in (("with", "1000000"), ("without", "0")):
            folder = Path(place) / name
            folder.mkdir()
            settings = {
                "CLIPAD_DATA_DIR": str(folder),
                "CLIPAD_MODEL_DIR": str(folder),
                "CLIPAD_LOG_ROWS": rows,
            }
            server = ServerProcess([sys.executable, "-m", "app"], settings, folder / "log")
            servers.append(stack.enter_context(server))
        urls = [question(server.url) for server in servers]
        in_turns(urls, photograph(), warm_up)
        logged, bare = in_turns(urls, photograph(), turns)
    refused = [answer.status for answer in (*logged, *bare) if answer.status != 200]
    if refused:
        raise RuntimeError(f"{len(refused)} requests were not answered, with {set(refused)}")
    pairs = [1000 * (one.seconds - other.seconds) for one, other in zip(logged, bare, strict=True)]
    table = new_table("", "p50", "p95", "p99", title=f"milliseconds of {turns} requests each")
    keys = {}
    for label, answers in (("with the log", logged), ("without", bare)):
        figures = {q: 1000 * percentile(answers, q) for q in (50, 95, 99)}
        table.add_row(label, *(f"{ms:.2f}" for ms in figures.values()))
        keys[label.replace(" ", "_")] = {f"p{q}_ms": round(ms, 3) for q, ms in figures.items()}
    finish(table, "log", CPU, turns=turns, log_ms=round(median(pairs), 3), **keys)


def _idle_table(url: str, picture: bytes, requests: int, keys: dict[str, object]) -> Table:
    from app.offline.bench.serve import idle_overheads

    table = new_table(
        "heatmap", "all but model", "decode", "queue", "model", "render", title="idle server, ms"
    )
    for heatmap, other, stages in idle_overheads(url, picture, requests):
        table.add_row(heatmap, f"{other:.1f}", *(f"{ms:.1f}" for ms in stages.values()))
        keys[f"other_ms_{heatmap}"] = round(other, 2)
    return table


def _load_table() -> Table:
    from app.offline.bench.load import STAGES

    columns = ("images/s", "p50", "p95", "p99", "429", "p95 of 429", *STAGES[:4])
    return new_table("load", *columns, title="seconds; stages as shares of the server's time")


def _add_load(table: Table, label: str, key: str, load: Load, keys: dict[str, object]) -> None:
    from app.offline.bench.load import STAGES, percentile

    p50, p95, p99 = (percentile(load.served, share) for share in (50, 95, 99))
    refused = percentile(load.refused, 95)
    total = load.stage_ms("total")
    shares = {stage: load.stage_ms(stage) / total for stage in STAGES[:4]}
    table.add_row(
        label,
        f"{load.rate:.2f}",
        *(f"{seconds:.2f}" for seconds in (p50, p95, p99)),
        str(len(load.refused)),
        f"{1000 * refused:.1f} ms" if load.refused else "",
        *(f"{share:.0%}" for share in shares.values()),
    )
    others = len(load.answers) - len(load.served) - len(load.refused)
    keys[key] = {
        "images_s": round(load.rate, 3),
        "served": len(load.served),
        "refused": len(load.refused),
        "others": others,
        **{f"p{q}_s": round(s, 3) for q, s in ((50, p50), (95, p95), (99, p99))},
        **({"refused_p95_ms": round(1000 * refused, 1)} if load.refused else {}),
        "shares": {stage: round(share, 3) for stage, share in shares.items()},
    }


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 4) for value in values]
