"""Bodies that claim to be pictures and are not: damaged, lying, enormous, or something else.

Each is made from a seed, so that one that does harm can be made again. `expected` are the
statuses that are right for it; what may or may not still decode has 200 among them.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.images.formats import NAMES

Random = np.random.Generator

UNREADABLE = frozenset({400})
TOO_LARGE = frozenset({413})
NOT_ALLOWED = frozenset({415})
ANY_VERDICT = frozenset({200, 400, 413, 415})

_PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Hostile:
    """One body: the trick's name, the bytes to post, the statuses that are right for it."""

    trick: str
    data: bytes
    expected: frozenset[int]


def hostile(seed: int) -> Hostile:
    """The body of this seed; every trick has its turn."""
    rng = np.random.default_rng([seed, 6])
    trick = TRICKS[seed % len(TRICKS)]
    data, expected = trick(rng)
    return Hostile(trick.__name__.replace("_", " "), data, expected)


def hostiles(count: int, first: int = 0) -> Iterator[Hostile]:
    """So many bodies in order."""
    return (hostile(seed) for seed in range(first, first + count))


_Made = tuple[bytes, frozenset[int]]


def flipped_bits(rng: Random) -> _Made:
    """A good file with up to 32 bits turned, anywhere."""
    data = bytearray(good_file(rng))
    for place in rng.integers(0, len(data), rng.integers(1, 33)):
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data), ANY_VERDICT


def overwritten(rng: Random) -> _Made:
    """A stretch of a good file replaced by noise, zeros or ones."""
    data = bytearray(good_file(rng))
    start = int(rng.integers(0, len(data)))
    length = min(int(rng.integers(1, 200)), len(data) - start)
    filling = [rng.bytes(length), bytes(length), b"\xff" * length]
    data[start : start + length] = filling[int(rng.integers(3))]
    return bytes(data), ANY_VERDICT


def spliced(rng: Random) -> _Made:
    """The beginning of one file and the end of another."""
    one, other = good_file(rng), good_file(rng)
    cut = int(rng.integers(4, len(one)))
    return one[:cut] + other[int(rng.integers(0, len(other))) :], ANY_VERDICT


def repeated(rng: Random) -> _Made:
    """A part of a good file many times over."""
    data = good_file(rng)
    start = int(rng.integers(0, len(data) - 8))
    end = start + int(rng.integers(4, 64))
    return data[:end] + data[start:end] * int(rng.integers(2, 2000)) + data[end:], ANY_VERDICT


def truncated(rng: Random) -> _Made:
    """The first part of a good file, at most nine tenths of it."""
    data = good_file(rng, side=96)
    head = data[: int(len(data) * rng.uniform(0.02, 0.9))]
    return head, UNREADABLE | NOT_ALLOWED  # too short to say what it claims to be, for some


def noise_behind_a_signature(rng: Random) -> _Made:
    """What an allowed format begins with, then noise."""
    starts = (_PNG_START, b"\xff\xd8\xff\xe0", b"II*\x00", b"MM\x00*", b"RIFF\x00\x01\x00\x00WEBP")
    start = starts[int(rng.integers(len(starts)))]
    return start + rng.bytes(int(rng.integers(0, 5000))), UNREADABLE | TOO_LARGE


def noise(rng: Random) -> _Made:
    """Bytes without meaning."""
    return b"\x00" + rng.bytes(int(rng.integers(0, 5000))), NOT_ALLOWED


def something_else(rng: Random) -> _Made:
    """Files of other kinds, dangerous ones among them."""
    files = (
        b"",
        b"GIF89a" + struct.pack("<HH", 60000, 60000) + bytes(20),
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
        b"%PDF-1.7\n",
        b"PK\x03\x04" + bytes(26),
        b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94.",
        b"\x7fELF" + bytes(60),
        b"#!/bin/sh\nexit 1\n",
        b"http://169.254.169.254/latest/meta-data/",
        b"../../../../etc/passwd",
        b"BM is how this text begins",
        b"icns" + bytes(60),
        b"8BPS" + bytes(60),
        bytes(rng.integers(32, 127, 300, dtype=np.uint8)),
    )
    return files[int(rng.integers(len(files)))], NOT_ALLOWED


def png_bomb(rng: Random) -> _Made:
    """A small PNG of very many pixels, all of them there."""
    width, height = _large_size(rng)
    if rng.random() < 0.05:
        rows = zlib.compress(bytes(height * (width + 1)), 9) if width * height < 3e8 else b""
    else:
        rows = zlib.compress(bytes(1000))
    return _png(width, height, 0, rows), TOO_LARGE


def tiff_bomb(rng: Random) -> _Made:
    """A TIFF whose tags speak of very many pixels."""
    width, height = _large_size(rng)
    return _tiff(width, height, b"\x00" * 64), TOO_LARGE


def webp_bomb(rng: Random) -> _Made:
    """A WebP with the largest canvas its header can name."""
    side = 16383
    canvas = struct.pack("<I", 0) + (side - 1).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    body += b"VP8L" + struct.pack("<I", 8) + b"\x2f" + rng.bytes(7)
    return b"RIFF" + struct.pack("<I", len(body)) + body, TOO_LARGE | UNREADABLE


def bmp_bomb(rng: Random) -> _Made:
    """A BMP header that speaks of very many pixels."""
    width, height = _large_size(rng)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header + bytes(300), TOO_LARGE


def jpeg_bomb(rng: Random) -> _Made:
    """A JPEG whose frame speaks of 65,500 x 65,500 pixels."""
    data = bytearray(good_file(rng, kind="JPEG"))
    frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    data[frame + 5 : frame + 9] = struct.pack(">HH", 65500, 65500)
    return bytes(data), TOO_LARGE


def lying_png(rng: Random) -> _Made:
    """A PNG whose header promises other pixels than there are, checksums being right."""
    width, height = (int(side) for side in rng.integers(1, 5000, 2))
    kind = int(rng.choice([0, 2, 3, 4, 6]))
    return _png(width, height, kind, zlib.compress(bytes(10))), UNREADABLE


def odd_png(rng: Random) -> _Made:
    """A PNG with sizes of nothing, unheard-of depths and chunks longer than the file."""
    fields = [int(rng.choice([0, 1, 2, 3, 7, 8, 16, 255])) for _ in range(5)]
    sizes = [int(rng.choice([0, 1, 8, 2**31 - 1])) for _ in range(2)]
    header = struct.pack(">II5B", *sizes, *fields)
    data = _PNG_START + _chunk(b"IHDR", header) + struct.pack(">I", 2**31 - 1) + b"IDAT" + b"x"
    return data, UNREADABLE | TOO_LARGE


def text_bomb(rng: Random) -> _Made:
    """A good PNG with compressed text chunks that would fill the memory."""
    data = good_file(rng, kind="PNG")
    text = b"Comment\x00\x00" + zlib.compress(bytes(80_000_000), 9)
    end = data.rindex(b"IEND") - 4
    at = 33 if rng.random() < 0.5 else end
    return data[:at] + _chunk(b"zTXt", text) + data[at:], ANY_VERDICT


def looping_tiff(rng: Random) -> _Made:
    """A TIFF whose directory of pages leads back to itself, or far beyond the end."""
    width, height = 16, 16
    data = bytearray(_tiff(width, height, bytes(width * height)))
    where = 8 + 2 + 12 * int.from_bytes(data[8:10], "little")
    nowhere = (8, 0xFFFFFFF0, len(data) - 1)
    data[where : where + 4] = struct.pack("<I", nowhere[int(rng.integers(3))])
    return bytes(data), ANY_VERDICT


def tiff_with_a_greedy_tag(rng: Random) -> _Made:
    """A TIFF with a tag of four thousand million values."""
    tag = struct.pack("<HHII", int(rng.integers(300, 60000)), 4, 0xFFFFFFFF, 8)
    return _tiff(16, 16, bytes(256), extra=(tag,)), ANY_VERDICT


TRICKS: tuple[Callable[[Random], _Made], ...] = (
    flipped_bits,
    overwritten,
    spliced,
    repeated,
    truncated,
    noise_behind_a_signature,
    noise,
    something_else,
    png_bomb,
    tiff_bomb,
    webp_bomb,
    bmp_bomb,
    jpeg_bomb,
    lying_png,
    odd_png,
    text_bomb,
    looping_tiff,
    tiff_with_a_greedy_tag,
)
"""All of them; each from a random source to bytes and the statuses that are right."""


def good_file(rng: Random, side: int = 32, kind: str | None = None) -> bytes:
    """A small noisy picture, a true file of one of the allowed formats."""
    pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind or NAMES[int(rng.integers(len(NAMES)))])
    return buffer.getvalue()


def _large_size(rng: Random) -> tuple[int, int]:
    """More than 50 million pixels, from square to one pixel wide."""
    width, height = ((14_000, 14_000), (60_000, 60_000), (2**26, 1), (1, 2**26))[
        int(rng.integers(4))
    ]
    return width, height


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">II5B", width, height, 8, colour, 0, 0, 0)
    palette = _chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    chunks = _chunk(b"IHDR", header) + palette + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    return _PNG_START + chunks


def _tiff(width: int, height: int, pixels: bytes, extra: tuple[bytes, ...] = ()) -> bytes:
    """Little-endian, grey, one strip, not compressed."""
    tags = [
        struct.pack("<HHII", 256, 4, 1, width),
        struct.pack("<HHII", 257, 4, 1, height),
        struct.pack("<HHII", 258, 3, 1, 8),
        struct.pack("<HHII", 259, 3, 1, 1),
        struct.pack("<HHII", 262, 3, 1, 1),
        struct.pack("<HHII", 277, 3, 1, 1),
        struct.pack("<HHII", 278, 4, 1, height),
        struct.pack("<HHII", 279, 4, 1, len(pixels)),
    ]
    count = len(tags) + 1 + len(extra)
    offset = 8 + 2 + 12 * count + 4
    tags.insert(6, struct.pack("<HHII", 273, 4, 1, offset))
    directory = struct.pack("<H", count) + b"".join(sorted((*tags, *extra))) + bytes(4)
    return b"II*\x00" + struct.pack("<I", 8) + directory + pixels
