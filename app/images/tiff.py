"""TIFF files: bytes -> the first page's pixels, in the mode of an image that holds them all.

Only forms that `app.images.headers.tiff_form` knows to decode right. libtiff unpacks all of them:
what Pillow does without it is wrong for channels that stand apart and for some tiles. Samples that
Pillow has no mode for (10, 12, 14 bits ...) are unpacked here. Knows nothing of limits.
"""

import contextlib
import ctypes
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin, _imaging

from app.errors import ImageDecodeError, ImageFormatError
from app.images.headers.tiff import TiffPage, read_page
from app.images.headers.tiff_form import (
    BLACK_IS_ZERO,
    FLOAT,
    PALETTE,
    RGB,
    SIGNED,
    UNSIGNED,
    WHITE_IS_ZERO,
    TiffForm,
    form_of,
)

Size = tuple[int, int]

_ORIENTATION, _COLOURS, _XMP = 0x0112, 320, 700
_OTHER_XMP = 701  # nobody looks for it there
# libtiff turns numbers into this machine's byte order; Pillow takes these for the file's still.
_NATIVE = {(FLOAT, 32): "F;32NF", (SIGNED, 16): "I;16NS", (SIGNED, 32): "I;32NS"}
# The least and largest samples that occur: libtiff refuses a file that tells them oddly. They get
# numbers under which nobody looks for anything.
_UNREAD = {tag: 65000 + tag % 500 for tag in (280, 281, 340, 341)}
_BLOCK = 1 << 20  # samples that are unpacked at a time: each bit takes a byte meanwhile

TiffImagePlugin.READ_LIBTIFF = True
# Of what it dislikes libtiff writes lines of its own to stderr. Pillow silences its warnings alone.
with contextlib.suppress(AttributeError, OSError):  # a libtiff whose functions have no names
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def read_tiff(
    data: bytes, check_size: Callable[[Size], None], ranged: bool
) -> tuple[Image.Image, bool]:
    """A TIFF file's first page, loaded, and whether there are more.

    Grey of 9 to 16 bits is of mode `I;16`, scaled to 16; floats are of mode `F`; 0 is black in
    each. check_size: called with (width, height) before pixels are decoded. ranged: whether it
    must be certain which number is white.
    Raises ImageFormatError for a form that is not known to decode right, ImageDecodeError or
    whatever Pillow raises for a damaged one.
    """
    page = read_page(data)
    width, height = page.values.get(256, 0), page.values.get(257, 0)
    if not (width and height):
        raise ImageDecodeError(
            f"TIFF image of {len(data)} bytes does not decode (its first page has no size): "
            "expected a complete, intact file"
        )
    check_size((width, height))
    form = form_of(page)
    if ranged and not form.has_range:
        raise ImageFormatError(
            f"TIFF image has {form}, of which it is not certain what is white: "
            "expected unsigned integers of 8 or 16 bits, or floats of 32"
        )
    if form.in_bytes:
        return _from_bytes(data, page, form)
    inverted = form.photometric == WHITE_IS_ZERO and form.bits > 8
    native = _NATIVE.get((form.sample_format, form.bits), "")
    image = _load(_as_pillow_knows_it(data, page, form, inverted), native)
    several = bool(image.is_animated)
    if form.untold_alpha and image.getchannel("A").getextrema() != (255, 255):
        raise ImageFormatError(
            "TIFF image has 4 samples to a pixel and does not say whether the last is alpha "
            "(tag 338): expected one that does"
        )
    if form.photometric == PALETTE:
        _widen_palette(image)
    if inverted:
        values = np.asarray(image)
        with np.errstate(invalid="ignore"):  # of what is no number the next step tells
            turned = 1 - values if form.sample_format == FLOAT else 0xFFFF - values
        return Image.fromarray(turned.astype(values.dtype)), several
    return image, several


def _load(data: bytes, native: str = "") -> TiffImagePlugin.TiffImageFile:
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    if native and image.tile:
        (tile,) = image.tile
        image.tile = [tile._replace(args=(native, False, image.tag_v2.offset))]
    # Beside its page a TIFF may name others, of Exif data or of a position, or places where none
    # are. Pillow would unpack whatever it finds there; nothing of it is needed.
    exif = image.getexif()
    for tag in ExifTags.IFD:
        if tag in exif:
            del exif[tag]
    image.load()
    return image


def _as_pillow_knows_it(data: bytes, page: TiffPage, form: TiffForm, inverted: bool) -> bytes:
    numbers = {}
    if page.kept.get(339, (form.sample_format,))[0] != form.sample_format:
        numbers[339] = form.sample_format
    if inverted:  # what Pillow does not do to more than 8 bits
        numbers[262] = BLACK_IS_ZERO
    odd = any(tag in page.places for tag in _UNREAD)
    return page.with_tags(data, numbers, _UNREAD) if numbers or odd else data


def _widen_palette(image: TiffImagePlugin.TiffImageFile) -> None:
    # Some programs write numbers of 8 bits where 16 are meant, of which Pillow keeps the upper 8.
    # libtiff, and with it most viewers, tells them as here.
    colours = np.array(image.tag_v2[_COLOURS])
    if colours.max() < 256:
        image.putpalette(colours.reshape(3, -1).T.astype(np.uint8).tobytes())


def _from_bytes(data: bytes, page: TiffPage, form: TiffForm) -> tuple[Image.Image, bool]:
    """libtiff unpacks the file as though each of its bytes were a grey pixel."""
    width, height = page.values[256], page.values[257]
    numbers = {256: -(-width * form.samples * form.bits // 8), 258: 8, 262: BLACK_IS_ZERO}
    numbers |= {277: 1, 284: 1, 339: UNSIGNED, _ORIENTATION: 1}
    if tile := page.values.get(322):
        if tile % 8:
            raise ImageFormatError(
                f"TIFF image has tiles of {tile} pixels across: expected a multiple of 16"
            )
        numbers[322] = tile * form.samples * form.bits // 8
    image = _load(page.with_tags(data, numbers, {**_UNREAD, _XMP: _OTHER_XMP}))
    samples = _unpacked(np.asarray(image), width * form.samples, form.bits)
    top = (1 << form.bits) - 1
    if form.photometric == WHITE_IS_ZERO:
        samples = top - samples
    if form.bits > 8 and form.photometric != RGB:
        levels: NDArray[Any] = samples << (16 - form.bits)
    elif form.bits > 8:
        levels = (samples >> (form.bits - 8)).astype(np.uint8)
    else:
        levels = np.round(samples * (255 / top)).astype(np.uint8)
    shape = (height, width, 3) if form.photometric == RGB else (height, width)
    result = Image.fromarray(levels.reshape(shape))
    if turned := page.values.get(_ORIENTATION):
        result.getexif()[_ORIENTATION] = turned
    elif xmp := image.tag_v2.get(_OTHER_XMP):
        result.info["xmp"] = xmp if isinstance(xmp, bytes) else bytes(xmp)
    return result, bool(image.is_animated)


def _unpacked(rows: NDArray[np.uint8], across: int, bits: int) -> NDArray[np.uint16]:
    """Rows of bytes -> the numbers [H,across] in them, each row's from its first bit on."""
    numbers = np.empty((len(rows), across), np.uint16)
    step = max(1, _BLOCK // max(1, across))
    for top in range(0, len(rows), step):
        each = np.unpackbits(rows[top : top + step], axis=1)[:, : across * bits]
        padded = np.zeros((len(each), across, 16), np.uint8)
        padded[..., 16 - bits :] = each.reshape(len(each), across, bits)
        numbers[top : top + step] = np.packbits(padded, axis=2).view(">u2")[..., 0]
    return numbers
