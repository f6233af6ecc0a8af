"""What an image file is made of, told by its headers: limits on what costs time beside its pixels.

A file that keeps to the limits on bytes and pixels may still hold a decoder for minutes or fill
the memory: with thousands of passes over the picture, of compressed notes or of tags, with tags
that all hold the same bytes, or with tiles far larger than the picture. All this is counted before
anything is decoded. The limits are far above what cameras and programs write. Does not import
Pillow, though it says what Pillow reads; knows nothing of what the pixels are.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from app.errors import ImageDecodeError, ImageTooLargeError

MOST_EXIF_BYTES = 1 << 20  # a JPEG segment holds 64 KiB; some programs put previews into it
_MOST_CHUNKS = 100_000  # of a PNG: some encoders write one per row
_MOST_NOTES = 256  # of them those that may unpack to a mebibyte each, or are Exif data
_MOST_SEGMENTS = 1000  # of a JPEG: a colour profile alone may take 255
_MOST_PIECES = 256  # of Exif data, in all pictures that a JPEG holds; each is 64 KiB at most
_MOST_SCANS = 100  # usual are 1 to 12; each goes over the whole picture; libtiff has the same limit
_MOST_TAGS = 4096
_MOST_VALUES = 1 << 18  # of the tags that are unpacked: mostly where strips or tiles lie
_PADDING = 2  # of tiles, beyond what a picture may have

_PNG_NOTES = (b"iCCP", b"zTXt", b"iTXt", b"eXIf")
_JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # restarts are no parts of a file
_JPEG_SCAN, _JPEG_END, _JPEG_APP1 = 0xDA, 0xD9, 0xE1
# Markers without a length, as Pillow has it: what it skips must not hide what it reads.
_JPEG_BARE = frozenset((0x01, 0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE)))
_JPEG_FRAMES = frozenset((*range(0xC0, 0xD0), 0xDE)) - {0xC4, 0xC8, 0xCC}
_JPEG_PIECE = re.compile(rb"\xff\xe1..Exif\x00\x00", re.DOTALL)
_EXIF = b"Exif\x00\x00"
_WIDTH, _HEIGHT, _COMPRESSION, _SAMPLES, _STRIP_HEIGHT, _PLANES = 256, 257, 259, 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_STRIPS, _TILES = 273, 324  # where each of them lies
_PLAIN, _APART = 1, 2  # not compressed; each channel by itself
_SINGLE = (_WIDTH, _HEIGHT, _STRIP_HEIGHT, _TILE_WIDTH, _TILE_HEIGHT)
# The tags whose values Pillow looks at; of all others it keeps the bytes.
_UNPACKED = frozenset((
    _WIDTH, _HEIGHT, 258, _COMPRESSION, 262, 266, _STRIPS, 274, _SAMPLES, _STRIP_HEIGHT, 282, 283,
    _PLANES, 296, 320, _TILE_WIDTH, _TILE_HEIGHT, _TILES, 338, 339, 530, 700, 34675,
))  # fmt: skip
_BYTES, _BYTE_TYPES = (700, 34675), (1, 2, 7)  # XMP and colour profiles, if of these, stay whole
_INTEGER_SIZES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}
_SIZES = {**_INTEGER_SIZES, 2: 1, 5: 8, 7: 1, 10: 8, 11: 4, 12: 8}
_LIBTIFF_ALONE = (17, 18)  # types of numbers that Pillow does not know

_Segment = tuple[int, int, int]  # marker, where its length stands, the length (0: it has none)
_Entry = tuple[int, int, int, bytes]  # tag, type, number of values, the values or where they are


@dataclass(frozen=True)
class _Directory:
    """Of a page. counts: how many values a tag has; values: the first, if a whole number."""

    counts: dict[int, int]
    values: dict[int, int]


def check_structure(data: bytes, kind: str, max_pixels: int) -> None:
    """Raises ImageDecodeError for a file of too many parts, ImageTooLargeError for too large tiles.

    kind: what its first bytes claim that it is. A file whose headers make no sense passes: its
    decoder refuses it.
    """
    if kind == "PNG":
        _check_png(data)
    elif kind == "JPEG":
        _check_jpeg(data)
    elif kind == "TIFF":
        _check_tiff(data, max_pixels)


def webp_canvas(data: bytes) -> tuple[int, int] | None:
    """(width, height) that a WebP file's header declares, or None.

    Its decoder takes memory for the whole canvas as soon as it is made.
    """
    first = data[12:16]
    if first == b"VP8X" and len(data) >= 30:
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
        )
    if first == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if first == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def check_exif(length: int) -> None:
    """Raises ImageDecodeError for so many bytes of Exif data: each of its values is read."""
    if length > MOST_EXIF_BYTES:
        raise ImageDecodeError(
            f"image has {length} bytes of Exif data: expected at most {MOST_EXIF_BYTES}"
        )


def _check_png(data: bytes) -> None:
    at, chunks, notes = 8, 0, 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IEND":
            return
        chunks += 1
        notes += kind in _PNG_NOTES
        if notes > _MOST_NOTES:
            raise _too_many("PNG", "packed notes", _MOST_NOTES)
        if chunks > _MOST_CHUNKS:
            raise _too_many("PNG", "chunks", _MOST_CHUNKS)
        at += length + 12


def _check_jpeg(data: bytes) -> None:
    # Pillow joins the pieces one by one. However it comes to them, they are not too many.
    for number, _ in enumerate(_JPEG_PIECE.finditer(data), 1):
        if number > _MOST_PIECES:
            raise _too_many("JPEG", "pieces of Exif data", _MOST_PIECES)
    frames, scans, exif = 0, 0, 0
    for number, (marker, at, length) in enumerate(_segments(data), 1):
        if marker == _JPEG_END and scans:
            return  # what follows is another picture, or none
        scans += marker == _JPEG_SCAN
        frames += marker in _JPEG_FRAMES
        if scans > _MOST_SCANS:
            raise _too_many("JPEG", "scans", _MOST_SCANS)
        if number > _MOST_SEGMENTS:
            raise _too_many("JPEG", "segments", _MOST_SEGMENTS)
        if frames > 1:  # libjpeg allows one, Pillow keeps the channels of all
            raise _too_many("JPEG", "frames", 1)
        if marker == _JPEG_APP1 and length >= 8 and data[at + 2 : at + 8] == _EXIF:
            exif += length - 8
            check_exif(exif)


def _segments(data: bytes) -> Iterator[_Segment]:
    """A JPEG's, the way that Pillow goes through them and libjpeg goes on."""
    at = 2
    while found := _JPEG_MARKER.search(data, at):
        at, marker = found.end(), found[1][0]
        length = 0 if marker in _JPEG_BARE else int.from_bytes(data[at : at + 2], "big")
        yield marker, at, length
        at += 0 if marker in _JPEG_BARE else max(2, length)


def _check_tiff(data: bytes, max_pixels: int) -> None:
    end = "<" if data.startswith(b"II") else ">"
    big = data[2] == 43  # as Pillow has it
    where = _number(data, end, 8, 8) if big else _number(data, end, 4, 4)
    _check_parts(_read_page(data, end, big, where), max_pixels)


def _check_parts(page: _Directory, max_pixels: int) -> None:
    """Strips or tiles: each pixel is in one, and few that are no pixels."""
    width, height = page.values.get(_WIDTH, 0), page.values.get(_HEIGHT, 0)
    across, down = 1, _parts(height, page.values.get(_STRIP_HEIGHT, height))
    offsets = _STRIPS
    if _STRIPS not in page.counts and (tile := page.values.get(_TILE_WIDTH)):
        offsets, across = _TILES, _parts(width, tile)
        down = _parts(height, page.values.get(_TILE_HEIGHT, height))
    if _TILE_WIDTH in page.values and _TILE_HEIGHT in page.values:
        columns, rows = page.values[_TILE_WIDTH], page.values[_TILE_HEIGHT]
        columns, rows = columns * _parts(width, columns), rows * _parts(height, rows)
        if columns * rows > _PADDING * max_pixels:
            raise ImageTooLargeError(
                f"the image's tiles have {columns} x {rows} pixels: "
                f"expected at most {_PADDING} times {max_pixels}"
            )
    planes = page.values.get(_SAMPLES, 1) if page.values.get(_PLANES) == _APART else 1
    wanted, given = across * down * planes, page.counts.get(offsets, 0)
    # What is compressed its decoder misses; of what is not, Pillow leaves the rest black.
    if page.values.get(_COMPRESSION, _PLAIN) == _PLAIN and 0 < given < wanted:
        raise ImageDecodeError(
            f"TIFF image has {given} strips or tiles: expected {wanted} for {width} x {height}"
        )


def _read_page(data: bytes, end: str, big: bool, where: int) -> _Directory:
    """What its tags say, as far as a decoder reads it: of known types and inside the file."""
    found = _Directory({}, {})
    held = unpacked = 0
    for number, (tag, kind, count, inline) in enumerate(_entries(data, end, big, where), 1):
        if number > _MOST_TAGS:
            raise _too_many("TIFF", "tags", _MOST_TAGS)
        size, values, at = count * _SIZES.get(kind, 0), inline, 0
        if size == 0:
            continue
        if size > len(inline):
            values, at = data, _number(inline, end, 0, len(inline))
            if at + size > len(data):
                continue
            held += size
        if held > len(data):  # libtiff keeps each tag's bytes, even where all are the same
            raise ImageDecodeError(
                f"TIFF image has {held} bytes in its tags: expected at most the file's {len(data)}"
            )
        whole = tag in _BYTES and kind in _BYTE_TYPES
        unpacked += count if tag in _UNPACKED and not whole else 0
        if unpacked > _MOST_VALUES:
            raise _too_many("TIFF", "values in its tags", _MOST_VALUES)
        if kind not in _LIBTIFF_ALONE:
            found.counts.setdefault(tag, count)
        if width := _INTEGER_SIZES.get(kind):
            value = _number(values, end, at, width)
            # Which of several counts, Pillow and libtiff may see otherwise than this does.
            if found.values.setdefault(tag, value) != value and tag in _SINGLE:
                raise ImageDecodeError(f"TIFF image has tag {tag} twice: expected it once")
    return found


def _entries(data: bytes, end: str, big: bool, where: int) -> Iterator[_Entry]:
    entry = struct.Struct(end + ("HHQ8s" if big else "HHI4s"))
    width = 8 if big else 2
    at = where + width
    for _ in range(_number(data, end, where, width)):
        if at + entry.size > len(data):
            return
        yield entry.unpack_from(data, at)
        at += entry.size


def _number(data: bytes, end: str, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "little" if end == "<" else "big")


def _parts(length: int, part: int) -> int:
    return -(-length // part) if part else 0


def _too_many(kind: str, parts: str, most: int) -> ImageDecodeError:
    return ImageDecodeError(f"{kind} image has too many {parts}: expected at most {most}")
