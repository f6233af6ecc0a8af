"""Benchmarks without a server: the model by every runtime, and the codecs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from report import Device, Shape, Threads, add_pair, finish, new_table, use_threads
from rich.table import Table

from app.clipad.choices import Compilation

if TYPE_CHECKING:
    from app.clipad.detector import AnomalyDetector
    from app.clipad.runtimes.model import Runtime

_DTYPES = ("float32", "bfloat16", "int8")


def model(
    shape: Shape = "ViT-B-16-plus-240",
    batch: Annotated[list[int] | None, typer.Option(help="batch size; may be repeated")] = None,
    turns: Annotated[int, typer.Option(help="timed turns per batch size", min=1)] = 7,
    pairs: Annotated[int, typer.Option(help="of the demo set, per kind; 0: no drift", min=0)] = 20,
    compile: Annotated[
        Compilation, typer.Option(help="what torch does for SDP and SDP+")
    ] = Compilation.OFF,
    quick: Annotated[
        bool, typer.Option("--quick", help="the four main ratios alone, in under 50 s")
    ] = False,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """SDP and SDP+, by torch and OpenVINO, against the plain encode_image of torch in fp32."""
    from app.clipad.build import resolve_device
    from app.clipad.runtimes.torch_runtime import TorchRuntime
    from app.offline.bench.model import (
        compare_with_encode,
        openvino_contender,
        random_backbone,
        torch_contenders,
    )

    use_threads(threads)
    backbone = random_backbone(shape, resolve_device(device))
    sdp, sdp_plus = torch_contenders(backbone, TorchRuntime(compile))
    int8 = openvino_contender(backbone, "int8", "sdp")
    if quick:
        plan = {1: (5, 1, [sdp, sdp_plus, int8]), 8: (2, 1, [sdp])}
    else:
        others = [
            openvino_contender(backbone, dtype, method)
            for dtype, method in (
                ("float32", "sdp"),
                ("float32", "sdp_plus"),
                ("bfloat16", "sdp"),
                ("int8", "sdp_plus"),
            )
        ]
        plan = {size: (turns, 2, [sdp, sdp_plus, int8, *others]) for size in batch or [1, 2, 4, 8]}
    table = new_table("", "detection", "encode_image", "ratio")
    keys: dict[str, object] = {}
    for size, (count, warm_up, contenders) in plan.items():
        timed = compare_with_encode(backbone, contenders, size, turns=count, warm_up=warm_up)
        for name, times in timed.items():
            add_pair(table, f"{name}, batch {size}", times)
            short = "int8" if name == int8.name else name
            keys[f"{short}_over_encode_b{size}"] = round(times.ratio, 4)
    tables = [table]
    if pairs and not quick:
        drift_table, drift = _drift(pairs)
        tables.append(drift_table)
        keys["drift"] = drift
    options = {
        "shape": shape,
        "turns": {size: count for size, (count, *_) in plan.items()},
        "quick": quick,
        "compile": str(compile),
    }
    finish(tables, "model", backbone.device, **options, **keys)


def codecs(
    turns: Annotated[int, typer.Option(help="timed turns", min=1)] = 15,
) -> None:
    """Heatmaps' PNGs and posted JPEGs of 1024 x 1024 pixels, against Pillow's defaults."""
    from app.offline.bench.codecs import compare_codecs

    table = new_table("", "this way", "Pillow's default", "ratio")
    keys: dict[str, object] = {}
    for what, timed in compare_codecs(turns).items():
        for name, times in timed.items():
            add_pair(table, f"{what}: {name}", times)
            keys[f"{what} {name}".replace(" ", "_")] = {
                "ms": round(1000 * times.work_s, 2),
                "ratio": round(times.ratio, 4),
            }
    finish(table, "codecs", "cpu", turns=turns, **keys)


def _drift(per_kind: int) -> tuple[Table, dict[str, object]]:
    """The demo backbone on the demo set, by every runtime."""
    from app.clipad.runtimes.openvino_runtime import OpenVinoRuntime
    from app.clipad.runtimes.torch_runtime import TorchRuntime
    from app.offline.bench.drift import demo_pairs, score_demo
    from app.pictures import GeneratedPictures

    table = new_table(
        "demo backbone", "image AUROC", "pixel AUROC", "score moves by", "at most", title=""
    )
    pairs = demo_pairs(per_kind)
    found: dict[str, object] = {"pairs": len(pairs)}
    runtimes: dict[str, Runtime] = {"torch_fp32": TorchRuntime()}
    with tempfile.TemporaryDirectory() as place:
        for dtype in _DTYPES:
            runtimes[f"openvino_{dtype}"] = OpenVinoRuntime(dtype, GeneratedPictures())
        scored = {
            (name, method): score_demo(detector, method, pairs)
            for name, runtime in runtimes.items()
            for detector in [demo_detector(runtime, Path(place))]
            for method in detector.methods
        }
    for (name, method), scores in scored.items():
        mean, most = scores.drift(scored["torch_fp32", method])
        table.add_row(
            f"{name} {method}",
            f"{scores.image_auroc:.2f}",
            f"{scores.pixel_auroc:.2f}",
            f"{mean:.5f}",
            f"{most:.5f}",
        )
        found[f"{name}_{method}"] = {
            "image_auroc": round(scores.image_auroc, 3),
            "pixel_auroc": round(scores.pixel_auroc, 3),
            "score_drift_mean": round(mean, 6),
            "score_drift_max": round(most, 6),
        }
    return table, found


def demo_detector(runtime: Runtime, place: Path) -> AnomalyDetector:
    """The embedded demo with its heads; place: a folder for what it caches."""
    from app.clipad.build import build_detector
    from app.settings import DEMO_BACKBONE, DEMO_HEADS, DEMO_WEIGHTS

    return build_detector(
        backbone=str(DEMO_BACKBONE),
        weights=str(DEMO_WEIGHTS),
        heads=str(DEMO_HEADS),
        device="cpu",
        runtime=runtime,
        model_dir=place,
        demo=True,
    )
