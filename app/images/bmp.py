"""BMP files: bytes -> pixels, as an image of mode P, RGB or RGBA.

Written here because Pillow takes a palette of grey for one bit a pixel or one byte, whatever the
file has, loses empty lines of runs, believes an alpha channel that is nowhere visible, and knows
eleven layouts of bit masks. Not read: JPEG and PNG inside, Huffman and RLE24 of OS/2. Knows
nothing of limits.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.errors import ImageDecodeError, ImageFormatError
from app.images.bmp_runs import read_runs

Size = tuple[int, int]
Pixels = NDArray[np.uint8]

_FILE_HEADER = 14
_OLD_HEADER, _INFO_HEADER = 12, 40
_OS2_HEADERS = (16, 64)
_PLAIN, _RUNS_8, _RUNS_4, _MASKS, _ALPHA_MASKS = 0, 1, 2, 3, 6
_COMPRESSIONS = {1: "RLE8", 2: "RLE4", 3: "bit masks", 4: "JPEG", 5: "PNG", 6: "alpha masks"}
_OS2_COMPRESSIONS = {1: "RLE8", 2: "RLE4", 3: "Huffman 1D", 4: "RLE24"}
_WHOLE_BYTES = (0xFF0000, 0xFF00, 0xFF, 0)
_USUAL_MASKS = {16: (0x7C00, 0x3E0, 0x1F, 0), 24: _WHOLE_BYTES, 32: _WHOLE_BYTES}
_RAW_MODES = {(24, _WHOLE_BYTES): "BGR", (32, _WHOLE_BYTES): "BGRX"}  # that Pillow unpacks


@dataclass(frozen=True)
class _Header:
    """top_down: whether the first row is the upper one. start: where the pixels begin."""

    width: int
    height: int
    top_down: bool
    bits: int
    compression: int
    masks: tuple[int, int, int, int]
    palette: Pixels
    start: int


def read_bmp(data: bytes, check_size: Callable[[Size], None]) -> Image.Image:
    """A BMP file's pixels. check_size: called with (width, height) before pixels are decoded.

    An alpha channel that is 0 everywhere counts for nothing: whoever wrote it meant no alpha.
    Raises ImageFormatError for a depth or compression that is not read, ImageDecodeError for a
    file that ends early or contradicts itself.
    """
    header = _read_header(data, check_size)
    if header.bits <= 8:
        runs = header.compression in (_RUNS_8, _RUNS_4)
        if runs:
            nibbles = header.compression == _RUNS_4
            numbers = read_runs(data, header.start, header.width, header.height, nibbles)
        else:
            numbers = _numbers(data, header)
        if (largest := int(numbers.max())) >= len(header.palette):
            raise ImageDecodeError(
                f"BMP image has a pixel of colour {largest}: expected at most "
                f"{len(header.palette) - 1} as its palette has"
            )
        image = Image.fromarray(numbers)
        image.putpalette(header.palette.tobytes())
        return image
    if raw := _RAW_MODES.get((header.bits, header.masks)):
        stride = _stride(header)
        way = 1 if header.top_down else -1
        size = header.width, header.height
        return Image.frombytes("RGB", size, _pixels(data, header), "raw", raw, stride, way)
    return _masked(data, header)


def _read_header(data: bytes, check_size: Callable[[Size], None]) -> _Header:
    start, size = struct.unpack_from("<II", data, 10)
    if len(data) < _FILE_HEADER + size:
        raise ImageDecodeError(f"BMP image of {len(data)} bytes ends in its header: expected more")
    compression = colours = 0
    if size == _OLD_HEADER:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    if size >= _INFO_HEADER:
        compression, _, _, _, colours = struct.unpack_from("<IIiiI", data, 30)
    top_down, height = height < 0, abs(height)
    if width <= 0 or height == 0:
        raise ImageDecodeError(f"BMP image is {width} x {height} pixels: expected 1 x 1 or more")
    check_size((width, height))
    _check_form(size, bits, compression, top_down)
    after = _FILE_HEADER + size
    masks = _USUAL_MASKS.get(bits, (0, 0, 0, 0))
    if compression in (_MASKS, _ALPHA_MASKS):
        count = 4 if compression == _ALPHA_MASKS or size > 52 else 3
        masks = _read_masks(data, count)
        after = max(after, 54 + 4 * count)
    palette, after = _read_palette(data, after, start, bits, colours, 3 if size == 12 else 4)
    if (start < after and bits > 8) or start <= _FILE_HEADER + size:
        start = after  # some files say nothing, or where the palette begins
    return _Header(width, height, top_down, bits, compression, masks, palette, start)


def _check_form(size: int, bits: int, compression: int, top_down: bool) -> None:
    names = _OS2_COMPRESSIONS if size in _OS2_HEADERS else _COMPRESSIONS
    depths = {_PLAIN: (1, 2, 4, 8, 16, 24, 32), _RUNS_8: (8,), _RUNS_4: (4,)}
    if size not in _OS2_HEADERS:
        depths |= {_MASKS: (16, 24, 32), _ALPHA_MASKS: (16, 24, 32)}
    name = names.get(compression, compression) if compression else "none"
    if compression not in depths or bits not in depths[compression]:
        raise ImageFormatError(
            f"BMP image has {bits} bits a pixel and compression {name}, which is not supported: "
            "expected 1, 2, 4, 8, 16, 24 or 32 bits, and none, RLE8, RLE4 or bit masks"
        )
    if top_down and compression in (_RUNS_8, _RUNS_4):
        raise ImageFormatError(
            f"BMP image is {name} from the top down, which is not supported: "
            "expected RLE from the bottom up"
        )


def _read_masks(data: bytes, count: int) -> tuple[int, int, int, int]:
    masks = *struct.unpack_from(f"<{count}I", data, 54), 0
    red, green, blue, alpha = masks[:4]
    together = red | green | blue | alpha
    whole = all(mask and ((mask // (mask & -mask)) + 1).bit_count() == 1 for mask in masks[:3])
    whole = whole and (not alpha or ((alpha // (alpha & -alpha)) + 1).bit_count() == 1)
    if not whole or together != red + green + blue + alpha:
        shown = ", ".join(f"{mask:x}" for mask in (red, green, blue, alpha))
        raise ImageFormatError(
            f"BMP image has the bit masks {shown}, which are not supported: "
            "expected one stretch of bits for each colour"
        )
    return red, green, blue, alpha


def _read_palette(
    data: bytes, at: int, start: int, bits: int, colours: int, each: int
) -> tuple[Pixels, int]:
    """The colours [N,3], and where they end."""
    if bits > 8:
        return np.empty((0, 3), np.uint8), at
    count = min(colours or 1 << bits, 1 << bits)
    if start > at:  # some files have fewer than they say
        count = min(count, (start - at) // each)
    table = np.frombuffer(data[at : at + count * each], np.uint8)
    if len(table) < count * each or not count:
        raise ImageDecodeError(f"BMP image ends in its palette: expected {count or 1} colours")
    return np.ascontiguousarray(table.reshape(count, each)[:, 2::-1]), at + count * each


def _stride(header: _Header) -> int:
    """Bytes from one row to the next."""
    return -(-header.width * header.bits // 32) * 4


def _pixels(data: bytes, header: _Header) -> bytes:
    """The bytes of all rows, filled up."""
    stride = _stride(header)
    used = -(-header.width * header.bits // 8)
    needed = stride * (header.height - 1) + used  # what fills up the last row may be missing
    found = data[header.start : header.start + stride * header.height]
    if len(found) < needed:
        raise ImageDecodeError(
            f"BMP image of {len(data)} bytes does not decode (it has {len(found)} bytes of pixels "
            f"and needs {needed}): expected a complete, intact file"
        )
    return found.ljust(stride * header.height, b"\0")


def _rows(data: bytes, header: _Header) -> Pixels:
    """The bytes [H,bytes of a row's pixels], the upper row first."""
    used = -(-header.width * header.bits // 8)
    rows = np.frombuffer(_pixels(data, header), np.uint8).reshape(header.height, -1)[:, :used]
    return rows if header.top_down else rows[::-1]


def _numbers(data: bytes, header: _Header) -> Pixels:
    """Palette numbers [H,W]."""
    rows, bits = _rows(data, header), header.bits
    if bits == 8:
        return np.ascontiguousarray(rows)
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    each = rows[..., None] >> shifts & ((1 << bits) - 1)
    return np.ascontiguousarray(each.reshape(header.height, -1)[:, : header.width])


def _masked(data: bytes, header: _Header) -> Image.Image:
    rows = _rows(data, header)
    if header.bits == 24:
        parts = rows.reshape(header.height, header.width, 3).astype(np.uint32)
        words: NDArray[Any] = parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
    else:
        words = np.ascontiguousarray(rows).view(f"<u{header.bits // 8}")
    channels = [_channel(words, mask) for mask in header.masks[: 4 if header.masks[3] else 3]]
    if len(channels) == 4 and not channels[3].any():
        channels.pop()
    return Image.fromarray(np.stack(channels, axis=-1))


def _channel(words: NDArray[Any], mask: int) -> Pixels:
    """What a mask selects, scaled to 8 bits."""
    lowest = (mask & -mask).bit_length() - 1
    top = mask >> lowest
    values = (words & words.dtype.type(mask)) >> words.dtype.type(lowest)
    if top >= 255:
        return np.asarray(values >> (top.bit_length() - 8)).astype(np.uint8)
    scale = np.round(np.arange(top + 1) * (255 / top)).astype(np.uint8)
    return np.asarray(scale[values])
