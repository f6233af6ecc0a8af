"""The runs of a BMP file: bytes -> palette numbers. Knows nothing of headers or palettes."""

import numpy as np
from numpy.typing import NDArray

from app.errors import ImageDecodeError, ImageFormatError

Pixels = NDArray[np.uint8]


def read_runs(data: bytes, at: int, width: int, height: int, nibbles: bool) -> Pixels:
    """Palette numbers [H,W], the upper row first, from runs that begin at a place in the file.

    nibbles: whether they are of four bits a pixel, and not of eight.
    Raises ImageDecodeError for runs that end early or leave the picture, ImageFormatError where
    the file sets not every pixel, which it may: no two programs show the others alike.
    """
    found = bytearray(width * height)
    set_here = bytearray(width * height)
    x, y, ended = 0, 0, False
    while at + 2 <= len(data):
        count, value = data[at], data[at + 1]
        at += 2
        if count == 0 and value == 0:
            x, y = 0, y + 1
            continue
        if count == 0 and value == 1:
            ended = True
            break
        if count == 0 and value == 2:
            right, up = data[at : at + 2] if at + 2 <= len(data) else (0, height)
            at, x, y = at + 2, x + right, y + up
            continue
        if count:
            run = _repeated(value, count, nibbles)
        else:
            count = value
            length = (count + 1) // 2 if nibbles else count
            run = data[at : at + length]
            run = _halves(run)[:count] if nibbles else run
            at += length + length % 2
        if x + count > width or y >= height or len(run) < count:
            raise ImageDecodeError(
                f"BMP image of {len(data)} bytes does not decode (a run of {count} pixels at "
                f"{x}, {y} leaves the picture or the file): expected a complete, intact file"
            )
        place = y * width + x
        found[place : place + count] = run
        set_here[place : place + count] = b"\1" * count
        x += count
    missing = set_here.count(0)
    if missing and not ended:
        raise ImageDecodeError(
            f"BMP image of {len(data)} bytes does not decode (its runs end {missing} pixels "
            "early): expected a complete, intact file"
        )
    if missing:
        raise ImageFormatError(
            f"BMP image is {'RLE4' if nibbles else 'RLE8'} and leaves {missing} of its "
            f"{width * height} pixels open, which is not supported: expected all of them"
        )
    return np.frombuffer(found, np.uint8).reshape(height, width)[::-1]


def _repeated(value: int, count: int, nibbles: bool) -> bytes:
    pair = bytes((value >> 4, value & 15)) if nibbles else bytes((value, value))
    return (pair * (count // 2 + 1))[:count]


def _halves(packed: bytes) -> bytes:
    return bytes(half for byte in packed for half in (byte >> 4, byte & 15))
