"""The gallery's pictures: small, inside the page as data, maps in the service's colours.

WebP of at most SIDE pixels a side: some kilobytes each, so that the page's size is bounded.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from app.heatmap import Scale, colour_png

SIDE = 240
_QUALITY = 80
_OUTLINE = (0, 255, 120)  # over a black rim: seen on dark, bright and coloured ground


@dataclass(frozen=True)
class Picture:
    """An image inside the page."""

    uri: str
    width: int
    height: int
    alt: str


def picture(image: Image.Image, alt: str) -> Picture:
    """The image as WebP, as a data URI."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=_QUALITY)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(f"data:image/webp;base64,{code}", *image.size, alt)


def small(pixels: NDArray[np.uint8]) -> Image.Image:
    """Pixels [h,w,3] as an image of at most SIDE x SIDE, in its proportions."""
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    return image


def outlined(image: Image.Image, mask: NDArray[np.bool_]) -> Image.Image:
    """The image with a line two pixels wide just outside the mask [H,W], and a black rim."""
    plane = Image.fromarray(mask.astype(np.uint8) * 255)
    plane = plane.resize(image.size, Image.Resampling.NEAREST)
    line, rim = plane.filter(ImageFilter.MaxFilter(5)), plane.filter(ImageFilter.MaxFilter(7))
    inside, near, far = (np.asarray(each) > 0 for each in (plane, line, rim))
    pixels = np.array(image)
    pixels[far & ~near] = 0
    pixels[near & ~inside] = _OUTLINE
    return Image.fromarray(pixels)


def heat(values: NDArray[np.float16], scale: Scale, size: tuple[int, int]) -> Image.Image:
    """A map [S,S] in colours, (width, height) = size."""
    png = colour_png(values.astype(np.float32), scale, size)
    return Image.open(io.BytesIO(png)).convert("RGB")


def colour_bar() -> Picture:
    """The colours from the least to the greatest value, left to right."""
    ramp = np.linspace(0, 1, SIDE, dtype=np.float16)[None, :].repeat(2, 0)
    bar = heat(ramp, Scale("calibrated", 0.0, 1.0), (SIDE, 12))
    return picture(bar, "scale of colours: dark is the least value, bright the greatest")
