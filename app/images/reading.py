"""Bytes -> RGB picture: every limit on what a posted image may be is applied here.

The format is judged from the content, never from a file name; the size from the header, before
a pixel is decoded. Knows nothing of HTTP, categories or the model.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from app.errors import ImageDecodeError, ImageFormatError, ImageTooLargeError, InputError
from app.images.bmp import read_bmp
from app.images.formats import NAMES, Format, sniff_format
from app.images.headers import webp_canvas
from app.images.headers.png import may_be_turned
from app.images.headers.tiff import read_page
from app.images.png import read_png
from app.images.rgb import to_rgb, upright
from app.images.tiff import read_tiff

# To resize a picture takes 32 bytes per pixel of a side, however few pixels the other side has.
_LONGEST_SIDE = 1_000_000
_ORIENTATION, _XMP = 0x0112, 700
_SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height

# `_check_size` guards, right where Pillow would: before a pixel is decoded. Pillow's own check
# would warn of pictures that the operator allows.
Image.MAX_IMAGE_PIXELS = None

# Pillow warns of odd tags in words of their own for each: hostile files would fill the log, and the
# memory too, since Python keeps every warning it has shown.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class ImageLimits:
    """What one image may be at most. max_bytes: encoded; max_pixels: width x height."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True)
class Picture:
    """A decoded file: an upright RGB image of 8 bits per channel.

    format: one of `formats.NAMES`. first_of_several: whether the file has more pages or
    frames, which are not looked at.
    """

    image: Image.Image
    format: str
    first_of_several: bool


def decode_image(data: bytes, limits: ImageLimits) -> Image.Image:
    """The image alone of `read_picture`; raises what that raises."""
    return read_picture(data, limits).image


def read_picture(data: bytes, limits: ImageLimits) -> Picture:
    """Encoded bytes -> Picture.

    EXIF rotation is applied. Transparent parts show white behind them, 16-bit channels keep
    their upper 8 bits, floats are taken as 0 (black) to 1 (white), and of several pages or frames
    the first counts.
    Raises ImageTooLargeError, ImageFormatError (not on the allow-list, or a form that is not
    supported), NothingVisibleError (transparent everywhere) or ImageDecodeError (claims to be
    allowed, but is truncated or corrupt, or of far too many parts).
    """
    return _read(data, limits, ranged=True, make=to_rgb)


def read_samples(data: bytes, limits: ImageLimits) -> Picture:
    """Encoded bytes -> Picture whose image is of the mode that holds all that the file does.

    For masks, which mark by any number above zero: it need not be certain which one is white, and
    what is transparent stays as it is. Otherwise as `read_picture`, whose errors it raises.
    """
    return _read(data, limits, ranged=False, make=lambda image: image)


def upright_size(data: bytes, limits: ImageLimits) -> tuple[int, int]:
    """(width, height) that `read_picture` gives, mostly from the header alone.

    Raises what that raises, as far as it looks.
    """
    form = sniff_format(data)
    if form is not None and form.name in ("JPEG", "WEBP"):
        with Image.open(io.BytesIO(data), formats=[form.name]) as image:
            turned = image.getexif().get(_ORIENTATION) in _SIDEWAYS
            return (image.height, image.width) if turned else image.size
    if form is not None and form.name == "PNG" and not may_be_turned(data):
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if form is not None and form.name == "TIFF":
        tags = read_page(data).values
        if _XMP not in tags:
            size = tags.get(256, 0), tags.get(257, 0)
            return size[::-1] if tags.get(_ORIENTATION) in _SIDEWAYS else size
    return read_samples(data, limits).image.size


def _read(
    data: bytes, limits: ImageLimits, ranged: bool, make: Callable[[Image.Image], Image.Image]
) -> Picture:
    if len(data) > limits.max_bytes:
        raise ImageTooLargeError(
            f"image has {len(data)} bytes: expected at most {limits.max_bytes}"
        )
    form = sniff_format(data)
    if form is None:
        raise ImageFormatError(
            f"{_named(data)} is not in an allowed image format: expected one of "
            f"{', '.join(NAMES)}, judged from the content"
        )
    try:
        image, several = _decode(data, form, limits, ranged)
        return Picture(make(upright(image)), form.name, several)
    except InputError:
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on hostile bytes
        raise ImageDecodeError(
            f"{form.name} image of {len(data)} bytes does not decode ({_reason(error)}): "
            "expected a complete, intact file"
        ) from error


def _decode(
    data: bytes, form: Format, limits: ImageLimits, ranged: bool
) -> tuple[Image.Image, bool]:
    """The first page or frame, loaded, and whether there are more."""
    form.check(data, limits.max_pixels)

    def check_size(size: tuple[int, int]) -> None:
        _check_size(size, limits)

    if form.name == "PNG":
        return read_png(data, check_size)
    if form.name == "TIFF":
        return read_tiff(data, check_size, ranged)
    if form.name == "BMP":
        return read_bmp(data, check_size), False
    if form.name == "WEBP" and (canvas := webp_canvas(data)):
        check_size(canvas)
    image = Image.open(io.BytesIO(data), formats=[form.name])
    check_size(image.size)
    image.load()
    return image, bool(getattr(image, "is_animated", False))


def _check_size(size: tuple[int, int], limits: ImageLimits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise ImageTooLargeError(
            f"image is {width} x {height} = {width * height} pixels: "
            f"expected at most {limits.max_pixels}"
        )
    if max(size) > _LONGEST_SIDE:
        raise ImageTooLargeError(
            f"image is {width} x {height} pixels: expected at most {_LONGEST_SIDE} on a side"
        )


def _named(data: bytes) -> str:
    if data.startswith(b"MM\x00+"):  # Pillow takes it for a small TIFF
        return "BigTIFF of big-endian byte order"
    return f"content of {len(data)} bytes" if data else "empty content"


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # it names an object of this process
        return "its header makes no sense"
    return " ".join(str(error).split())[:120] or type(error).__name__
