"""A decoded image of whatever mode -> 8-bit RGB, upright. Knows nothing of files."""

import numpy as np
from PIL import Image

from app.errors import ImageFormatError, NothingVisibleError
from app.images.headers import check_exif

_EIGHT_BIT_MODES = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV")
_WHITE = (255, 255, 255)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_rgb(image: Image.Image) -> Image.Image:
    """Transparency over white; of 16 bits the upper 8; floats from 0 (black) to 1 (white).

    Raises ImageFormatError for a mode or values without a defined range, NothingVisibleError where
    every pixel is transparent.
    """
    if image.mode.startswith("I;16"):
        return _from_sixteen_bits(image)
    if image.mode == "F":
        return _from_floats(image)
    if image.has_transparency_data:  # RGB too: a PNG may declare one colour transparent
        layered = _layered(image)
        if layered.getchannel("A").getextrema()[1] == 0:
            raise _nothing_visible(image.size)
        canvas = Image.new("RGB", layered.size, _WHITE)
        canvas.paste(layered, mask=layered.getchannel("A"))
        return canvas
    if image.mode == "RGB":
        return image
    if image.mode not in _EIGHT_BIT_MODES:
        raise ImageFormatError(
            f"pixel format {image.mode!r} has no defined range: expected 8 or 16 bits per channel, "
            "grey, RGB, palette or CMYK"
        )
    return image.convert("RGB")


def upright(image: Image.Image) -> Image.Image:
    """Turned as its Exif or XMP data say. Raises ImageDecodeError for too much of the former."""
    # Pillow's own function writes all Exif data anew, which may take far longer than to decode.
    for name in ("exif", "Raw profile type exif"):
        check_exif(len(image.info.get(name, "")))
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _layered(image: Image.Image) -> Image.Image:
    if image.mode == "La":  # Pillow makes nothing else of it
        image = image.convert("LA")
    return image if image.mode == "RGBA" else image.convert("RGBA")


def _nothing_visible(size: tuple[int, int]) -> NothingVisibleError:
    return NothingVisibleError(
        f"nothing is visible in the image: all of its {size[0]} x {size[1]} pixels are "
        "transparent; expected one that shows something"
    )


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips at 255 instead of scaling.
    values = np.asarray(image)
    levels = (values >> 8).astype(np.uint8)
    if (transparent := image.info.get("transparency")) is not None:
        clear = values == transparent
        if clear.all():
            raise _nothing_visible(image.size)
        levels[clear] = 255
    return Image.fromarray(levels).convert("RGB")


def _from_floats(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # not a number is neither
        raise ImageFormatError(f"grey values from {low:g} to {high:g}: expected floats from 0 to 1")
    return Image.fromarray(np.round(values * 255).astype(np.uint8)).convert("RGB")
