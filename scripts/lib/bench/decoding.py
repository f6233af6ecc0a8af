"""Benchmark of decoding: the service's reader against Pillow alone."""

from typing import Annotated

import typer
from report import add_pair, finish, new_table


def decode(turns: Annotated[int, typer.Option(help="timed turns", min=1)] = 21) -> None:
    """Usual JPEG, PNG, BMP and TIFF files, with every check, against Pillow's open and convert."""
    import torch

    from app.offline.bench.decode import compare_decoding

    table = new_table("", "service", "Pillow", "ratio")
    found = compare_decoding(turns)
    for name, times in found.items():
        add_pair(table, name, times)
    keys = {
        name: {"ms": round(1000 * times.work_s, 2), "ratio": round(times.ratio, 4)}
        for name, times in found.items()
    }
    finish(table, "decode", torch.device("cpu"), turns=turns, files=keys)
