"""A server to bring faults about in: one with a calibrated category, started anew when it ends.

Knows nothing of the faults.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from app.offline.bench.process import ServerProcess
from app.png import Pixels

CATEGORY = "wood"
HANGS_S = 5
_GOOD_PARTS = 20
_SIDE = 96


@dataclass
class Site:
    """server: the process; orders: what its faulty detector reads; models, data: its folders;
    log: what it printed; names: how many new ones were asked for so far.
    """

    server: ServerProcess
    orders: Path
    models: Path
    data: Path
    log: Path
    names: int = field(default=0)


@contextmanager
def open_site(command: Sequence[str], settings: Mapping[str, str], folder: Path) -> Iterator[Site]:
    """Start `command` with these settings and a folder's own places; calibrate `CATEGORY`."""
    orders, models, data = (folder / name for name in ("orders", "models", "data"))
    for made in (orders, models, data):
        made.mkdir()
    environment = dict(settings) | {
        "FAULTS": str(orders),
        "CLIPAD_MODEL_DIR": str(models),
        "CLIPAD_DATA_DIR": str(data),
        "CLIPAD_MODEL_TIMEOUT_S": str(HANGS_S),
        "CLIPAD_MAX_NEW_CATEGORIES_PER_MINUTE": "1000",
    }
    log = folder / "log"
    with ServerProcess(command, environment, log) as server:
        _calibrate(server.url)
        yield Site(server, orders, models, data, log)


def pictures(count: int) -> list[bytes]:
    """So many different pictures, as PNG files."""
    return [_png(_texture(seed)) for seed in range(count)]


def breaking_picture() -> bytes:
    """One that the faulty detector cannot compute: red all over."""
    return _png(np.full((_SIDE, _SIDE, 3), (255, 0, 0), np.uint8))


def _calibrate(url: str) -> None:
    files = [("image", (f"{k}.png", _png(_texture(1000 + k)))) for k in range(_GOOD_PARTS)]
    where = f"{url}/categories/{CATEGORY}"
    httpx.put(where, json={}, timeout=60, trust_env=False).raise_for_status()
    answer = httpx.post(where + "/calibration", files=files, timeout=120, trust_env=False)
    if not answer.raise_for_status().json()["calibrated"]:
        raise RuntimeError(f"{where}: not calibrated by {_GOOD_PARTS} pictures: {answer.text}")


def _texture(seed: int) -> Pixels:
    """uint8 [side,side,3]: stripes of a strength and colour of their own, and noise."""
    rng = np.random.default_rng(seed)
    stripes = np.sin(np.arange(_SIDE) * rng.uniform(0.1, 1.0))[None, :, None]
    pixels = rng.uniform(60, 190, 3) + 40 * stripes + rng.normal(0, 10, (_SIDE, _SIDE, 3))
    return np.asarray(pixels.clip(0, 255), np.uint8)


def _png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
