"""A region's mask: a PNG in base64 as somebody sends it -> a small PNG of the same pixels.

A pixel counts when it is neither black nor fully transparent, in whatever format the PNG has.
Knows nothing of polygons, maps or of what is done with the pixels.
"""

import base64
import binascii
import io
import reprlib
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.errors import FieldError, InputError
from app.images.reading import ImageLimits, read_samples

Pixels = NDArray[np.bool_]

MAX_MASK_SIDE, MAX_MASK_BYTES = 4096, 4 * 2**20
_LIMITS = ImageLimits(MAX_MASK_BYTES, MAX_MASK_SIDE**2)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DATA_URL = "data:image/png;base64,"


def read_mask(text: str) -> bytes:
    """A PNG in base64, also as a data: URL -> a PNG of one bit per pixel, set where it counts.

    Raises FieldError for anything else, for more than MAX_MASK_SIDE or MAX_MASK_BYTES, and where
    no pixel counts.
    """
    pixels = _decode(_from_base64(text))
    if not pixels.any():
        raise FieldError(
            "roi: mask has nothing inside; expected pixels neither black nor transparent"
        )
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def mask_pixels(data: bytes) -> Pixels:
    """A PNG that `read_mask` made -> which of its pixels count: bool [height,width]."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return _counted(image)


def _from_base64(text: str) -> bytes:
    if len(text) > 2 * MAX_MASK_BYTES:  # base64 takes a third more, its line ends a little
        raise FieldError(f"roi: mask is too long; expected a PNG of {MAX_MASK_BYTES} bytes at most")
    if text[: len(_DATA_URL)].lower() == _DATA_URL:
        text = text[len(_DATA_URL) :]
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        shown = reprlib.repr(text)
        raise FieldError(f"roi: {shown} is not base64; expected that of a PNG") from error
    if len(data) > MAX_MASK_BYTES:
        raise FieldError(
            f"roi: mask has {len(data)} bytes; expected a PNG of {MAX_MASK_BYTES} at most"
        )
    return data


def _decode(data: bytes) -> Pixels:
    """PNG -> bool [height,width], its size read from the header before a pixel is decoded."""
    if not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR" or len(data) < 24:
        raise FieldError(f"roi: content of {len(data)} bytes is no PNG; expected a PNG mask")
    width, height = struct.unpack(">II", data[16:24])
    if max(width, height) > MAX_MASK_SIDE:
        raise FieldError(
            f"roi: mask is {width} x {height} pixels; expected {MAX_MASK_SIDE} a side at most"
        )
    try:
        return _counted(read_samples(data, _LIMITS).image)
    except InputError as error:
        raise FieldError(
            f"roi: mask of {len(data)} bytes does not decode; expected a complete, intact PNG "
            f"({error})"
        ) from error


def _counted(image: Image.Image) -> Pixels:
    plain = image.mode in ("1", "L") or image.mode.startswith("I")
    if plain and not image.has_transparency_data:
        counted: Pixels = np.asarray(image) != 0  # of 16 bits too: a mask may hold 0 and 1
        return counted
    layers = np.asarray(image.convert("RGBA"))
    visible: Pixels = layers[..., :3].any(axis=-1) & (layers[..., 3] != 0)
    return visible
