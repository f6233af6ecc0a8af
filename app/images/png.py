"""PNG files: bytes -> the first frame's pixels, every row and every checksum of them looked at.

Knows nothing of limits.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from app.errors import ImageDecodeError
from app.images.headers.png import without_notes
from app.images.png_rows import has_all_rows

Size = tuple[int, int]

_DEPTH = 24  # where a PNG says how many bits a sample has


def read_png(data: bytes, check_size: Callable[[Size], None]) -> tuple[Image.Image, bool]:
    """A PNG file's first frame, loaded, and whether there are more.

    What is transparent is told in the samples that the image has. check_size: called with (width,
    height) before pixels are decoded.
    Raises ImageDecodeError for rows or colours that are not there, and whatever Pillow raises for
    a damaged file.
    """
    data = without_notes(data)
    # Pillow's decoder does not look at the checksums; a flipped bit would pass.
    with Image.open(io.BytesIO(data), formats=["PNG"]) as checked:
        check_size(checked.size)
        checked.verify()
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    check_size(image.size)
    image.load()
    _check_rows(image, data)
    _check_palette(image)
    _scale_transparent_colour(image, data)
    return image, bool(getattr(image, "is_animated", False))


def _check_rows(image: Image.Image, data: bytes) -> None:
    # Rows that are missing stay black, so that a last row that is not tells that all are there.
    width, height = image.size
    last = image.crop((0, height - 1, width, height))
    if (last.getbbox() is None or "interlace" in image.info) and not has_all_rows(data):
        raise ImageDecodeError(
            f"PNG image of {len(data)} bytes ends before its last row: "
            f"expected {width} x {height} pixels"
        )


def _check_palette(image: Image.Image) -> None:
    if image.mode != "P":
        return
    colours = len(image.palette.palette) // 3 if image.palette else 0
    largest = image.getextrema()[1]
    if isinstance(largest, int | float) and largest >= colours:
        raise ImageDecodeError(
            f"PNG image has a pixel of colour {largest}: expected at most {colours - 1} as its "
            "palette has"
        )


def _scale_transparent_colour(image: Image.Image, data: bytes) -> None:
    # Pillow brings the pixels to 8 bits, but not the one colour that a PNG declares transparent.
    colour, depth = image.info.get("transparency"), data[_DEPTH]
    if image.mode == "L" and depth < 8 and isinstance(colour, int):
        image.info["transparency"] = colour * (255 // ((1 << depth) - 1))
    if image.mode == "RGB" and depth == 16 and isinstance(colour, tuple):
        del image.info["transparency"]  # of which Pillow would compare the upper halves alone
        image.putalpha(_opaque(image, data, colour))


def _opaque(upper: Image.Image, data: bytes, clear: tuple[int, ...]) -> Image.Image:
    """Mode L, 0 where all 16 bits of each channel are those of the transparent colour."""
    lower = Image.open(io.BytesIO(data), formats=["PNG"])
    lower.tile = [tile._replace(args="RGB;16L") for tile in lower.tile]
    lower.load()
    halves = ((np.asarray(upper), 8), (np.asarray(lower), 0))
    same = [half == [value >> shift & 0xFF for value in clear] for half, shift in halves]
    opaque = ~(same[0] & same[1]).all(axis=-1)
    return Image.fromarray(opaque.astype(np.uint8) * 255)
