"""Benchmark of batches: whether a picture decides alike alone and in company."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from models import demo_detector
from report import Threads, finish, new_table, use_threads

if TYPE_CHECKING:
    from torch import Tensor

    from app.clipad.runtimes.model import Runtime

_SIZES = range(2, 9)


def batches(
    pictures: Annotated[int, typer.Option(help="of 2,000: half good, half not", min=8)] = 2000,
    runtime: Annotated[Literal["torch", "openvino"], typer.Option(help="what runs it")] = "torch",
    dtype: Annotated[
        Literal["float32", "bfloat16", "int8"], typer.Option(help="OpenVINO's number format")
    ] = "float32",
    seed: Annotated[int, typer.Option(help="who meets whom", min=0)] = 0,
    threads: Threads = 0,
) -> None:
    """Simulated textiles by the demo, each alone and once in a batch of 2 to 8, both methods."""
    import conformal_clip_data  # type: ignore[import-untyped]
    import numpy as np
    import torch
    from PIL import Image

    from app.clipad.runtimes.openvino_runtime import OpenVinoRuntime
    from app.clipad.runtimes.torch_runtime import TorchRuntime
    from app.images.tensors import to_tensor
    from app.offline.bench.batches import in_company
    from app.pictures import GeneratedPictures
    from app.rounding import STEP

    use_threads(threads)
    good = _files(conformal_clip_data.nominal_dir(), pictures // 2)
    files = [*good]
    for folder in (conformal_clip_data.local_dir(), conformal_clip_data.global_dir()):
        files += _files(folder, (pictures - len(good)) // 2)
    chosen: Runtime = TorchRuntime()
    if runtime == "openvino":
        chosen = OpenVinoRuntime(dtype, GeneratedPictures())
    table = new_table(
        "", "score moves by", "text", "map", "scores differ", "own threshold", "any threshold",
        title=f"{len(files)} pictures, alone and in a batch",
    )  # fmt: skip
    keys: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as place:
        detector = demo_detector(chosen, Path(place))
        text = detector.text_features("textile")

        def picture(number: int) -> Tensor:
            with Image.open(files[number]) as image:
                return to_tensor(image.convert("RGB"), detector.side, detector.mean, detector.std)

        for method in detector.methods:
            found = in_company(detector, picture, len(files), text, method, _SIZES, seed)
            moved = found.largest()
            keys[method] = {"largest": moved}
            for word, rounding in (("plain", False), ("rounded", True)):
                shares = found.shares(np.arange(len(files)) < len(good), rounding=rounding)
                table.add_row(
                    f"{method}, {word}",
                    *(f"{moved[part]:.1e}" for part in ("score", "text", "map")),
                    *(f"{share:.4%}" for share in asdict(shares).values()),
                )
                keys[method] |= {word: asdict(shares)}  # type: ignore[operator]
    options = {"pictures": len(files), "runtime": runtime, "dtype": dtype, "seed": seed}
    finish(table, "batches", torch.device("cpu"), **options, step=STEP, **keys)


def _files(folder: Path, count: int) -> list[Path]:
    """The first so many pictures in a folder and below it."""
    return sorted(Path(folder).rglob("*.jpg"))[:count]
