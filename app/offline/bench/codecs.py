"""What codecs cost: PNGs of heatmaps and decoding of posted JPEGs, each against Pillow's default.

One thread throughout. Knows nothing of servers.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.heatmap import overlay_png, per_image_scale
from app.offline.bench.pairs import PairedTimes, time_against
from app.offline.bench.serve import PICTURE_SIDE, photograph
from app.png import encode_palette, encode_rgb

_MAP_SIDE = 240
_DRAFT = (PICTURE_SIDE // 2, PICTURE_SIDE // 2)
_Ways = dict[str, Callable[[], object]]


def compare_codecs(turns: int) -> dict[str, dict[str, PairedTimes]]:
    """By what is done, other ways to do it against Pillow's default."""
    jpeg = photograph()
    picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    anomaly = _smooth_map()
    overlay = Image.open(io.BytesIO(overlay_png(anomaly, per_image_scale(anomaly), picture)))
    pixels = np.asarray(overlay)
    levels = np.asarray(Image.fromarray(anomaly).resize(picture.size)).round().astype(np.uint8)
    palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    indexed = Image.fromarray(levels, "P")
    indexed.putpalette(palette.tobytes())
    return {
        "overlay": _timed(
            turns,
            lambda: _pillow_png(overlay, 6),
            {
                "served": lambda: encode_rgb(pixels),
                "Pillow level 1": lambda: _pillow_png(overlay, 1),
                "OpenCV level 1": lambda: cv2.imencode(
                    ".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1]
                ),
            },
        ),
        "map": _timed(
            turns,
            lambda: _pillow_png(indexed.convert("RGB"), 6),
            {
                "served": lambda: encode_palette(levels, palette),
                "Pillow palette level 1": lambda: _pillow_png(indexed, 1),
                "Pillow palette": lambda: _pillow_png(indexed, 6),
            },
        ),
        "decode": _timed(
            turns,
            lambda: Image.open(io.BytesIO(jpeg)).load(),
            {
                "OpenCV": lambda: cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR),
                "half size by draft": lambda: _draft(jpeg),
            },
        ),
    }


def _timed(turns: int, default: Callable[[], object], ways: _Ways) -> dict[str, PairedTimes]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return time_against(default, ways, turns=turns)
    finally:
        cv2.setNumThreads(threads)


def _smooth_map() -> NDArray[np.float32]:
    """[240,240], as smooth as a served map, from 0 to 255."""
    noise = np.random.default_rng(0).normal(size=(_MAP_SIDE, _MAP_SIDE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), _MAP_SIDE / 30)
    scaled = (smooth - smooth.min()) / np.ptp(smooth) * 255
    return np.asarray(scaled, np.float32)


def _pillow_png(image: Image.Image, level: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def _draft(jpeg: bytes) -> None:
    image = Image.open(io.BytesIO(jpeg))
    image.draft("RGB", _DRAFT)
    image.load()
