"""The tags of a TIFF file's first page, and the strips or tiles that they speak of."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from app.errors import ImageDecodeError, ImageTooLargeError
from app.images.headers.limits import too_many

_MOST_TAGS = 4096
_MOST_VALUES = 1 << 18  # of the tags that are unpacked: mostly where strips or tiles lie
_PADDING = 2  # of tiles, beyond what a picture may have

_WIDTH, _HEIGHT, _BITS, _COMPRESSION = 256, 257, 258, 259
_SAMPLES, _STRIP_HEIGHT, _PLANES = 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_STRIPS, _TILES = 273, 324  # where each of them lies
_LENGTHS = {_STRIPS: 279, _TILES: 325}  # how many bytes each of them has
_YCBCR = 6
_PLAIN, _APART = 1, 2  # not compressed; each channel by itself
# The tags that say how pixels are stored: of these all values are kept, the first of them at least.
_STORAGE = (_BITS, _COMPRESSION, 262, 266, _SAMPLES, 281, _PLANES, 317, 332, 338, 339, 530)
_NEEDED = frozenset(_STORAGE) - {281, 332, 530}
_SINGLE = (_WIDTH, _HEIGHT, _STRIP_HEIGHT, _TILE_WIDTH, _TILE_HEIGHT, *_STORAGE)
_MOST_KEPT = 64  # values of such a tag; more channels than that nobody decodes
# The tags whose values Pillow looks at; of all others it keeps the bytes.
UNPACKED = frozenset((
    _WIDTH, _HEIGHT, _BITS, _COMPRESSION, 262, 266, _STRIPS, 274, _SAMPLES, _STRIP_HEIGHT, 282, 283,
    _PLANES, 296, 320, _TILE_WIDTH, _TILE_HEIGHT, _TILES, 338, 339, 530, 700, 34675,
))  # fmt: skip
_BYTES, _BYTE_TYPES = (700, 34675), (1, 2, 7)  # XMP and colour profiles, if of these, stay whole
_INTEGER_SIZES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}
_SIZES = {**_INTEGER_SIZES, 2: 1, 5: 8, 7: 1, 10: 8, 11: 4, 12: 8}
_LIBTIFF_ALONE = (17, 18)  # types of numbers that Pillow does not know

_LONG = 4

Numbers = Mapping[int, int]
_NONE: Numbers = MappingProxyType({})

_Entry = tuple[int, int, int, bytes]  # tag, type, number of values, the values or where they are


@dataclass(frozen=True)
class TiffPage:
    """The tags of a page. end: `<` or `>`, its byte order.

    counts: how many values a tag has; values: the first, if a whole number; kept: all values of
    the tags that say how pixels are stored; lengths: bytes of all strips or tiles, by tag; places:
    where in the file a tag's entry stands.
    """

    end: str
    big: bool
    counts: dict[int, int]
    values: dict[int, int]
    kept: dict[int, tuple[int, ...]]
    lengths: dict[int, int]
    places: dict[int, int]

    def with_tags(self, data: bytes, numbers: Numbers, renamed: Numbers = _NONE) -> bytes:
        """The file with one whole number in each of these tags, as far as it has them.

        renamed: tags that become others, so that nobody reads them.
        """
        changed = bytearray(data)
        for tag, number in numbers.items():
            if at := self.places.get(tag):
                entry = (tag, _LONG, 1, number.to_bytes(4, self._order).ljust(self._room, b"\0"))
                _entry(self.end, self.big).pack_into(changed, at, *entry)
        for tag, other in renamed.items():
            if at := self.places.get(tag):
                struct.pack_into(self.end + "H", changed, at, other)
        return bytes(changed)

    @property
    def _order(self) -> Literal["little", "big"]:
        return "little" if self.end == "<" else "big"

    @property
    def _room(self) -> int:
        return 8 if self.big else 4


def check_tiff(data: bytes, max_pixels: int) -> None:
    """Raises ImageDecodeError for too many tags, ImageTooLargeError for tiles far too large."""
    _check_parts(read_page(data), max_pixels)


def _check_parts(page: TiffPage, max_pixels: int) -> None:
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
    if width * height > max_pixels:
        return  # too large: what is missing of it makes no difference, whoever decodes says so
    planes = page.values.get(_SAMPLES, 1) if page.values.get(_PLANES) == _APART else 1
    wanted, given = across * down * planes, page.counts.get(offsets, 0)
    # What is compressed its decoder misses; of what is not, Pillow leaves the rest black.
    if page.values.get(_COMPRESSION, _PLAIN) == _PLAIN and 0 < given < wanted:
        raise ImageDecodeError(
            f"TIFF image has {given} strips or tiles: expected {wanted} for {width} x {height}"
        )
    _check_lengths(page, offsets, planes)


def _check_lengths(page: TiffPage, offsets: int, planes: int) -> None:
    """Of what is not compressed: without it, libtiff reads on in whatever follows in the file."""
    compressed = page.values.get(_COMPRESSION, _PLAIN) != _PLAIN
    found = page.lengths.get(_LENGTHS[offsets], 0)
    if compressed or not found or page.values.get(262) == _YCBCR:  # it may have less of colours
        return
    width, height = page.values.get(_WIDTH, 0), page.values.get(_HEIGHT, 0)
    if offsets == _TILES:
        columns, rows = page.values.get(_TILE_WIDTH, 1), page.values.get(_TILE_HEIGHT, 1)
        height = rows * _parts(width, columns) * _parts(height, rows)
        width = columns
    samples = 1 if planes > 1 else page.values.get(_SAMPLES, 1)
    needed = planes * height * -(-width * samples * page.values.get(_BITS, 1) // 8)
    if found < needed:
        raise ImageDecodeError(
            f"TIFF image has {found} bytes of pixels: expected {needed} for its size and depth"
        )


def read_page(data: bytes) -> TiffPage:
    """What the first page's tags say, as far as a decoder reads it: of known types, in the file.

    Raises ImageDecodeError for too many of them, or for one of those above that stands there twice.
    """
    end = "<" if data.startswith(b"II") else ">"
    big = data[2] == 43  # as Pillow has it
    where = _number(data, end, 8, 8) if big else _number(data, end, 4, 4)
    found = TiffPage(end, big, {}, {}, {}, {}, {})
    held = unpacked = 0
    for number, (place, entry) in enumerate(_entries(data, end, big, where), 1):
        tag, kind, count, inline = entry
        if number > _MOST_TAGS:
            raise too_many("TIFF", "tags", _MOST_TAGS)
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
        unpacked += count if tag in UNPACKED and not whole else 0
        if unpacked > _MOST_VALUES:
            raise too_many("TIFF", "values in its tags", _MOST_VALUES)
        if kind not in _LIBTIFF_ALONE:
            found.counts.setdefault(tag, count)
        # Which of several counts, Pillow and libtiff may see otherwise than this does.
        if found.places.setdefault(tag, place) != place and tag in _SINGLE:
            raise ImageDecodeError(f"TIFF image has tag {tag} twice: expected it once")
        if width := _INTEGER_SIZES.get(kind):
            found.values.setdefault(tag, _number(values, end, at, width))
            if tag in _LENGTHS.values() and count <= _MOST_VALUES:
                found.lengths[tag] = sum(_numbers(values, end, at, width, count))
            if tag in _STORAGE:
                found.kept[tag] = _numbers(values, end, at, width, min(count, _MOST_KEPT))
        elif tag in _NEEDED:
            raise ImageDecodeError(
                f"TIFF image has tag {tag} of type {kind}: expected a whole number"
            )
    return found


def _entries(data: bytes, end: str, big: bool, where: int) -> Iterator[tuple[int, _Entry]]:
    """Each with the place where it stands."""
    entry = _entry(end, big)
    width = 8 if big else 2
    at = where + width
    for _ in range(_number(data, end, where, width)):
        if at + entry.size > len(data):
            return
        yield at, entry.unpack_from(data, at)
        at += entry.size


def _entry(end: str, big: bool) -> struct.Struct:
    return struct.Struct(end + ("HHQ8s" if big else "HHI4s"))


def _number(data: bytes, end: str, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "little" if end == "<" else "big")


def _numbers(data: bytes, end: str, at: int, width: int, count: int) -> tuple[int, ...]:
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}[width]
    return struct.unpack_from(f"{end}{count}{code}", data, at)


def _parts(length: int, part: int) -> int:
    return -(-length // part) if part else 0
