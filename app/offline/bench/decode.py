"""What decoding posted files costs: with every check the service makes, against Pillow alone.

One thread. Knows nothing of servers.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from app.images.reading import ImageLimits, read_picture
from app.offline.bench.pairs import PairedTimes, time_pairs
from app.offline.bench.serve import large_photograph, photograph

_LIMITS = ImageLimits(max_bytes=1 << 28, max_pixels=1 << 28)


def posted_files() -> dict[str, bytes]:
    """By name, what is usually posted: a photograph of 1024 and one of 4000 pixels across."""
    small, large = photograph(), large_photograph()
    files = {"JPEG 1024 x 1024": small, "JPEG 4000 x 3000": large}
    for kind, options in (("PNG", {}), ("BMP", {}), ("TIFF", {"compression": "tiff_lzw"})):
        files[f"{kind} 1024 x 1024"] = _written(small, kind, options)
    files["PNG 4000 x 3000"] = _written(large, "PNG", {})
    files["TIFF 1024 x 1024, plain"] = _written(small, "TIFF", {})
    grey = np.asarray(Image.open(io.BytesIO(small)).convert("L"), np.uint16) * 257
    files["TIFF 1024 x 1024, 16 bits"] = _saved(Image.fromarray(grey), "TIFF", {})
    return files


def compare_decoding(turns: int) -> dict[str, PairedTimes]:
    """By file, `read_picture` against Pillow's open, load and conversion to RGB."""
    return {
        name: time_pairs(_with_checks(data), _by_pillow(data), turns=turns)
        for name, data in posted_files().items()
    }


def _with_checks(data: bytes) -> Callable[[], object]:
    return lambda: read_picture(data, _LIMITS)


def _by_pillow(data: bytes) -> Callable[[], object]:
    return lambda: Image.open(io.BytesIO(data)).convert("RGB")


def _written(jpeg: bytes, kind: str, options: dict[str, str]) -> bytes:
    return _saved(Image.open(io.BytesIO(jpeg)).convert("RGB"), kind, options)


def _saved(image: Image.Image, kind: str, options: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
