"""Bytes -> RGB picture -> tensor: every limit on what a posted image may be stands here.

The format is judged from the content, never from a file name; the size from the header, before
a pixel is decoded. What the model sees is the whole picture, resized straight to S x S: the aspect
ratio is not kept and nothing is cropped, since a defect may lie at the border. Knows nothing of
HTTP, categories or the model.
"""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from app.errors import ImageDecodeError, ImageFormatError, ImageTooLargeError, InputError
from app.png_rows import has_all_rows
from app.rgb import scale_transparent_colour, to_rgb, upright
from app.structure import check_structure, webp_canvas

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
# Of a big-endian BigTIFF Pillow reads the start as that of a small TIFF: it has no place here.
_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00")
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
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

    format: one of FORMATS. first_of_several: whether the file has more pages or frames, which are
    not looked at.
    """

    image: Image.Image
    format: str
    first_of_several: bool


def sniff_format(data: bytes) -> str | None:
    """The allowed format that these first bytes (32 are enough) claim to be, or None."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(_TIFF_STARTS):
        return "TIFF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    # Two letters alone would make a bitmap of any text that begins with "BM".
    size = int.from_bytes(data[14:18], "little")
    if data.startswith(b"BM") and len(data) >= 18 and size in _BMP_HEADER_SIZES:
        return "BMP"
    return None


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
    kind = sniff_format(data)
    if kind is None:
        raise ImageFormatError(
            f"{_named(data)} is not in an allowed image format: expected one of "
            f"{', '.join(FORMATS)}, judged from the content"
        )
    try:
        return _decode(data, kind, limits)
    except InputError:
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on hostile bytes
        raise ImageDecodeError(
            f"{kind} image of {len(data)} bytes does not decode ({_reason(error)}): "
            "expected a complete, intact file"
        ) from error


def to_tensor(image: Image.Image, side: int, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """RGB picture -> normalised float32 tensor [3,S,S].

    Bicubic with antialiasing straight to side x side, scaled to [0,1], then (x - mean) / std
    per channel.
    """
    resized = image.resize((side, side), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).to(torch.float32) / 255
    centre = torch.tensor(mean, dtype=torch.float32).view(3, 1, 1)
    spread = torch.tensor(std, dtype=torch.float32).view(3, 1, 1)
    return (pixels - centre) / spread


def fit_within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) scaled down, aspect ratio kept, so that no side exceeds `longest`."""
    width, height = size
    if max(size) <= longest:
        return size
    scale = longest / max(size)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _decode(data: bytes, kind: str, limits: ImageLimits) -> Picture:
    check_structure(data, kind, limits.max_pixels)
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
