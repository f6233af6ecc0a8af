"""Small pictures for tests, and their files."""

import io
from typing import Any

import numpy as np
from PIL import Image


def gradient(width: int = 40, height: int = 24) -> Image.Image:
    """Dark at the left and top, bright at the right and bottom; the channels differ."""
    across = np.linspace(0, 200, width)[None, :]
    down = np.linspace(0, 50, height)[:, None]
    plane = (across + down).astype(np.uint8)
    return Image.fromarray(np.stack([plane, plane // 2, 255 - plane], axis=-1))


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


PNG = file_of(gradient())
RED = file_of(Image.new("RGB", (16, 16), (255, 0, 0)))
