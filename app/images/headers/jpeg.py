"""The segments of a JPEG file, gone through the way that Pillow does."""

import re
from collections.abc import Iterator

from app.images.headers.limits import check_exif, too_many

_MOST_SEGMENTS = 1000  # a colour profile alone may take 255
_MOST_PIECES = 256  # of Exif data, in all pictures that a file holds; each is 64 KiB at most
_MOST_SCANS = 100  # usual are 1 to 12; each goes over the whole picture; libtiff has the same limit

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # restarts are no parts of a file
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
# Markers without a length, as Pillow has it: what it skips must not hide what it reads.
BARE = frozenset((0x01, 0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE)))
_FRAMES = frozenset((*range(0xC0, 0xD0), 0xDE)) - {0xC4, 0xC8, 0xCC}
_EXIF = b"Exif\x00\x00"
_PIECE = re.compile(rb"\xff\xe1..Exif\x00\x00", re.DOTALL)

Segment = tuple[int, int, int]
"""Marker, where its length stands, the length (0: it has none)."""


def check_jpeg(data: bytes, max_pixels: int) -> None:
    """Raises ImageDecodeError for too many segments, scans, frames or pieces of Exif data."""
    # Pillow joins the pieces one by one. However it comes to them, they are not too many.
    for number, _ in enumerate(_PIECE.finditer(data), 1):
        if number > _MOST_PIECES:
            raise too_many("JPEG", "pieces of Exif data", _MOST_PIECES)
    frames, scans, exif = 0, 0, 0
    for number, (marker, at, length) in enumerate(segments(data), 1):
        if marker == _END and scans:
            return  # what follows is another picture, or none
        scans += marker == _SCAN
        frames += marker in _FRAMES
        if scans > _MOST_SCANS:
            raise too_many("JPEG", "scans", _MOST_SCANS)
        if number > _MOST_SEGMENTS:
            raise too_many("JPEG", "segments", _MOST_SEGMENTS)
        if frames > 1:  # libjpeg allows one, Pillow keeps the channels of all
            raise too_many("JPEG", "frames", 1)
        if marker == _APP1 and length >= 8 and data[at + 2 : at + 8] == _EXIF:
            exif += length - 8
            check_exif(exif)


def segments(data: bytes) -> Iterator[Segment]:
    """A JPEG's, the way that Pillow goes through them and libjpeg goes on."""
    at = 2
    while found := _MARKER.search(data, at):
        at, marker = found.end(), found[1][0]
        length = 0 if marker in BARE else int.from_bytes(data[at : at + 2], "big")
        yield marker, at, length
        at += 0 if marker in BARE else max(2, length)
