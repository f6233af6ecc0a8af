"""Bytes -> RGB picture: every limit on what a posted image may be is applied here.

The format is judged from the content, never from a file name; the size from the header, before
a pixel is decoded. Knows nothing of HTTP, categories or the model.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import ExifTags, Image, UnidentifiedImageError

from app.errors import ImageDecodeError, ImageFormatError, ImageTooLargeError, InputError
from app.images.formats import NAMES, Format, sniff_format
from app.images.headers import webp_canvas
from app.images.png_rows import has_all_rows
from app.images.rgb import scale_transparent_colour, to_rgb, upright

# To resize a picture takes 32 bytes per pixel of a side, however few pixels the other side has.
_LONGEST_SIDE = 1_000_000
_PNG_DEPTH = 24  # where a PNG says how many bits a sample has

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
    Raises ImageTooLargeError, ImageFormatError (not on the allow-list) or ImageDecodeError
    (claims to be allowed, but is truncated or corrupt, or of far too many parts).
    """
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
        return _decode(data, form, limits)
    except InputError:
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on hostile bytes
        raise ImageDecodeError(
            f"{form.name} image of {len(data)} bytes does not decode ({_reason(error)}): "
            "expected a complete, intact file"
        ) from error


def _decode(data: bytes, form: Format, limits: ImageLimits) -> Picture:
    form.check(data, limits.max_pixels)
    kind = form.name
    if kind == "WEBP" and (canvas := webp_canvas(data)):
        _check_size(canvas, limits)
    if kind == "PNG":
        # Pillow's decoder does not look at the checksums; a flipped bit would pass.
        with Image.open(io.BytesIO(data), formats=[kind]) as checked:
            _check_size(checked.size, limits)
            checked.verify()
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        _check_size(image.size, limits)
        if kind == "TIFF":
            _forget_directories(image)
        image.load()
        if kind == "PNG":
            _check_rows(image, data)
            scale_transparent_colour(image, data[_PNG_DEPTH])
        several = bool(getattr(image, "is_animated", False))
        return Picture(to_rgb(upright(image)), kind, several)


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


def _forget_directories(image: Image.Image) -> None:
    # Beside its page a TIFF may name others, of Exif data or of a position, or places where none
    # are. Pillow would unpack whatever it finds there; nothing of it is needed.
    exif = image.getexif()
    for tag in ExifTags.IFD:
        if tag in exif:
            del exif[tag]


def _check_rows(image: Image.Image, data: bytes) -> None:
    # Rows that are missing stay black, so that a last row that is not tells that all are there.
    width, height = image.size
    last = image.crop((0, height - 1, width, height))
    if (last.getbbox() is None or "interlace" in image.info) and not has_all_rows(data):
        raise ImageDecodeError(
            f"PNG image of {len(data)} bytes ends before its last row: "
            f"expected {width} x {height} pixels"
        )


def _named(data: bytes) -> str:
    return f"content of {len(data)} bytes" if data else "empty content"


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # it names an object of this process
        return "its header makes no sense"
    return " ".join(str(error).split())[:120] or type(error).__name__
