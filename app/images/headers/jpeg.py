"""The segments of a JPEG file, gone through the way that Pillow does."""

import re
from collections.abc import Iterator

from app.errors import ImageFormatError
from app.images.headers.limits import check_exif, too_many

_MOST_SEGMENTS = 1000  # a colour profile alone may take 255
_MOST_PIECES = 256  # of Exif data, in all pictures that a file holds; each is 64 KiB at most
_MOST_SCANS = 100  # usual are 1 to 12; each goes over the whole picture; libtiff has the same limit

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # restarts are no parts of a file
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
# Markers without a length, as Pillow has it: what it skips must not hide what it reads.
BARE = frozenset((0x01, 0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE)))
_FRAMES = frozenset((*range(0xC0, 0xD0), 0xDE)) - {0xC4, 0xC8, 0xCC}
_JPEG_LS = 0xF7
_PROCESSES = {
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical lossless",
    0xCB: "lossless, arithmetic", 0xCD: "hierarchical, arithmetic",
    0xCE: "hierarchical, arithmetic", 0xCF: "hierarchical lossless, arithmetic",
    0xDE: "hierarchical",
}  # fmt: skip
_ADOBE, _APP14 = b"Adobe", 0xEE
_EXIF = b"Exif\x00\x00"
_PIECE = re.compile(rb"\xff\xe1..Exif\x00\x00", re.DOTALL)

Segment = tuple[int, int, int]
"""Marker, where its length stands, the length (0: it has none)."""


def check_jpeg(data: bytes, max_pixels: int) -> None:
    """Raises ImageDecodeError for too many segments, scans, frames or pieces of Exif data.

    Raises ImageFormatError for a frame of another depth or process than those that are read.
    """
    # Pillow joins the pieces one by one. However it comes to them, they are not too many.
    for number, _ in enumerate(_PIECE.finditer(data), 1):
        if number > _MOST_PIECES:
            raise too_many("JPEG", "pieces of Exif data", _MOST_PIECES)
    frames, scans, exif, adobe = 0, 0, 0, False
    for number, (marker, at, length) in enumerate(segments(data), 1):
        if marker == _END and scans:
            return  # what follows is another picture, or none
        scans += marker == _SCAN
        frames += marker in _FRAMES
        if marker == _JPEG_LS and not frames and _is_frame(data, at):
            raise _refused("compression JPEG-LS")
        adobe = adobe or (marker == _APP14 and data[at + 2 : at + 7] == _ADOBE)
        if scans > _MOST_SCANS:
            raise too_many("JPEG", "scans", _MOST_SCANS)
        if number > _MOST_SEGMENTS:
            raise too_many("JPEG", "segments", _MOST_SEGMENTS)
        if frames > 1:  # libjpeg allows one, Pillow keeps the channels of all
            raise too_many("JPEG", "frames", 1)
        if marker in _FRAMES:
            _check_frame(data[at + 2 : at + 8], marker, adobe)
        if marker == _APP1 and length >= 8 and data[at + 2 : at + 8] == _EXIF:
            exif += length - 8
            check_exif(exif)


def _is_frame(data: bytes, at: int) -> bool:
    """Whether a segment, which Pillow takes for one without a length, has that of a frame."""
    length = int.from_bytes(data[at : at + 2], "big")
    return at + length <= len(data) and length > 8 and length == 8 + 3 * data[at + 7]


def _check_frame(start: bytes, marker: int, adobe: bool) -> None:
    """start: precision, height, width, channels; adobe: whether its mark stands before."""
    if len(start) < 6:
        return
    bits, channels = start[0], start[5]
    # libjpeg takes lossless colours for RGB or YCbCr by marks that few of their writers know.
    lossless_grey = marker == 0xC3 and channels == 1
    if bits != 8:
        raise _refused(f"{bits} bits a sample ({_PROCESSES.get(marker, 'lossy')})")
    if marker in _PROCESSES and not lossless_grey:
        raise _refused(f"compression {_PROCESSES[marker]}")
    if channels not in (1, 3, 4):
        raise _refused(f"{channels} channels")
    if channels == 4 and not adobe:  # whether 0 is full ink is told by that mark alone
        raise _refused("4 channels without Adobe's mark")
    if start[1:3] == b"\0\0":
        raise _refused("its height behind its first scan")


def _refused(what: str) -> ImageFormatError:
    return ImageFormatError(
        f"JPEG image has {what}, which is not supported: expected 8 bits a sample, lossy or "
        "lossless grey, and grey, YCbCr, RGB, CMYK or YCCK with Adobe's mark"
    )


def segments(data: bytes) -> Iterator[Segment]:
    """A JPEG's, the way that Pillow goes through them and libjpeg goes on."""
    at = 2
    while found := _MARKER.search(data, at):
        at, marker = found.end(), found[1][0]
        length = 0 if marker in BARE else int.from_bytes(data[at : at + 2], "big")
        yield marker, at, length
        at += 0 if marker in BARE else max(2, length)
