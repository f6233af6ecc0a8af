"""The chunks of a PNG file."""

import re
import struct
import zlib
from collections.abc import Iterator

from app.errors import ImageDecodeError
from app.images.headers.limits import too_many

_MOST_CHUNKS = 100_000  # some encoders write one per row
_MOST_NOTES = 256  # of them those that are packed, or Exif data
_MOST_XMP_BYTES = 64 << 20  # unpacked, in all notes of a file
_NOTES = (b"iCCP", b"zTXt", b"iTXt", b"eXIf")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_SLICE = 1 << 16

_XMP = b"XML:com.adobe.xmp\0"
_RAW_EXIF = b"Raw profile type exif\0"
_TURNED = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_LONGEST = 32  # bytes of what that finds

Chunk = tuple[int, int, bytes]
"""Where it begins, where it ends, its kind."""


def check_png(data: bytes, max_pixels: int) -> None:
    """Raises ImageDecodeError for too many chunks, or too many that unpack."""
    notes = 0
    for number, (_, _, kind) in enumerate(_chunks(data), 1):
        notes += kind in _NOTES
        if notes > _MOST_NOTES:
            raise too_many("PNG", "packed notes", _MOST_NOTES)
        if number > _MOST_CHUNKS:
            raise too_many("PNG", "chunks", _MOST_CHUNKS)


def without_notes(data: bytes) -> bytes:
    """The file without texts and colour profile, but with what they say of its rotation.

    Pillow unpacks each of them up to a mebibyte, refuses the file where one is longer, and lets
    their keywords stand for what it knows of the picture itself.
    Raises ImageDecodeError for XMP data of more than 64 MiB: who knows how it is turned.
    """
    pieces, done, room = [], 0, _MOST_XMP_BYTES
    for start, end, kind in _chunks(data):
        if kind not in _TEXTS and kind != b"iCCP":
            continue
        if kind != b"iTXt" and kind != b"iCCP" and data.startswith(_RAW_EXIF, start + 8):
            continue
        pieces.append(data[done:start])
        done = end
        if kind == b"iTXt" and data.startswith(_XMP, start + 8):
            turned, room = _rotation(data[start + 8 + len(_XMP) : end - 4], room)
            if turned:
                pieces.append(_chunk(b"iTXt", _XMP + b'\0\0\0\0tiff:Orientation="' + turned + b'"'))
    return b"".join((*pieces, data[done:])) if done else data


def may_be_turned(data: bytes) -> bool:
    """Whether any chunk may say how a file without its notes is rotated."""
    return any(kind == b"eXIf" or kind in _TEXTS for _, _, kind in _chunks(data))


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Up to the last one, as far as they are whole."""
    at = 8
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + length + 12
        if kind == b"IEND" or end > len(data):
            return
        yield at, end, kind
        at = end


def _rotation(note: bytes, room: int) -> tuple[bytes, int]:
    """The digit that XMP data has for it, or none, and how many more bytes may be unpacked."""
    packed, _, rest = note[:1], note[1:2], note[2:]
    text = rest.split(b"\0", 2)[-1]
    found = None
    before = b""
    for piece in _unpacked(text, room + 1) if packed == b"\1" else (text,):
        room -= len(piece)
        if room < 0:
            raise ImageDecodeError(
                f"PNG image has XMP data of more than {_MOST_XMP_BYTES} bytes: expected less"
            )
        found = found or _TURNED.search(before + piece)
        before = piece[-_LONGEST:]
    return (found[1] if found else b""), room


def _unpacked(packed: bytes, most: int) -> Iterator[bytes]:
    unpack = zlib.decompressobj()
    try:
        while packed and most > 0 and not unpack.eof:
            piece = unpack.decompress(packed, _SLICE)
            most -= len(piece)
            packed = unpack.unconsumed_tail
            yield piece
    except zlib.error:  # a broken note is none
        return


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
