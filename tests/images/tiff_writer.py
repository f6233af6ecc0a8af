"""A plain TIFF writer: samples as whole numbers or floats -> the bytes of a file, in any form.

Written after the specification and without Pillow or libtiff, so that what they make of a file can
be compared with what was put in. Knows nothing of colours.
"""

import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_MOST_LITERALS = 250  # of LZW, before its codes would get longer


@dataclass(frozen=True)
class Storage:
    """How samples are kept. end: `<` or `>`; tile: side in pixels, 0 for strips of `rows` rows."""

    bits: int
    sample_format: int = 1
    end: str = "<"
    big: bool = False
    planar: int = 1
    compression: int = 1
    predictor: int = 1
    fill_order: int = 1
    tile: int = 0
    rows: int = 7


def tiff_bytes(samples: Samples, storage: Storage, tags: dict[int, list[int]]) -> bytes:
    """Samples [H,W,S] -> a TIFF of one page. tags: further ones, or others than the usual."""
    height, width, count = samples.shape
    planes = np.split(samples, count, axis=2) if storage.planar == 2 else [samples]
    pieces = [_piece(part, storage) for plane in planes for part in _parts(plane, storage)]
    all_tags = {
        256: [width], 257: [height], 258: [storage.bits] * count, 259: [storage.compression],
        277: [count], 284: [storage.planar], 339: [storage.sample_format] * count,
    }  # fmt: skip
    if storage.predictor != 1:
        all_tags[317] = [storage.predictor]
    if storage.fill_order != 1:
        all_tags[266] = [storage.fill_order]
    where, lengths = (324, 325) if storage.tile else (273, 279)
    all_tags |= (
        {322: [storage.tile], 323: [storage.tile]} if storage.tile else {278: [storage.rows]}
    )
    all_tags |= {where: [0] * len(pieces), lengths: [len(piece) for piece in pieces]}
    return _file({tag: v for tag, v in (all_tags | tags).items() if v}, pieces, where, storage)


def _parts(plane: Samples, storage: Storage) -> Iterator[Samples]:
    height, width = plane.shape[:2]
    side = storage.tile
    if not side:
        yield from (plane[top : top + storage.rows] for top in range(0, height, storage.rows))
        return
    for top in range(0, height, side):
        for left in range(0, width, side):
            part = plane[top : top + side, left : left + side]
            room = ((0, side - part.shape[0]), (0, side - part.shape[1]), (0, 0))
            yield np.pad(part, room, mode="edge")


def _piece(part: Samples, storage: Storage) -> bytes:
    rows = b"".join(_row(row, storage) for row in part)
    packed = _COMPRESSIONS[storage.compression](rows)
    return packed.translate(_REVERSED) if storage.fill_order == 2 else packed


def _row(row: Samples, storage: Storage) -> bytes:
    """Samples [W,S] of a row."""
    bits, end = storage.bits, storage.end
    if storage.sample_format == 3:
        values = row.astype(f"{end}f{bits // 8}")
    elif storage.sample_format == 6:
        values = row.astype(f"{end}c{bits // 8}")
    else:
        values = row
    if storage.predictor == 2:
        kept = values.view(f"{end}u{bits // 8}") if storage.sample_format == 3 else values
        values = np.diff(kept.astype(object), axis=0, prepend=0) % (1 << bits)
        values = values.astype(f"u{bits // 8}")
    if storage.predictor == 3:
        size = bits // 8
        planes = row.astype(f">f{size}").tobytes()
        apart = np.frombuffer(planes, np.uint8).reshape(-1, size).T.reshape(-1, row.shape[1])
        return np.diff(apart.astype(int), axis=0, prepend=0).astype(np.uint8).tobytes()
    if bits in (8, 16, 32, 64):
        kind = {3: "f", 6: "c"}.get(storage.sample_format, "u")
        kind = "u" if storage.predictor == 2 else kind
        if kind == "u":
            values = (values.astype(object) % (1 << bits)).astype(f"u{bits // 8}")
        return values.astype(f"{end}{kind}{bits // 8}").tobytes()
    if bits == 24:  # of either order, as the numbers of 16 and 32 bits
        order = "little" if end == "<" else "big"
        return b"".join(int(value).to_bytes(3, order) for value in values.ravel())
    each = values.ravel()[:, None] >> np.arange(bits - 1, -1, -1) & 1
    return np.packbits(each.astype(np.uint8).ravel()).tobytes()


def _lzw(data: bytes) -> bytes:
    """Single bytes alone, so that the table never grows beyond codes of 9 bits."""
    codes = []
    for at in range(0, len(data), _MOST_LITERALS):
        codes += [256, *data[at : at + _MOST_LITERALS]]
    bits = "".join(f"{code:09b}" for code in (*codes, 257))
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _runs(data: bytes) -> bytes:
    pieces = (data[at : at + 128] for at in range(0, len(data), 128))
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)


def _zstd(data: bytes) -> bytes:
    """One frame of one block that is stored as it is."""
    head = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data))
    return head + (len(data) << 3 | 1).to_bytes(3, "little") + data


_COMPRESSIONS: dict[int, Callable[[bytes], bytes]] = {
    1: bytes, 5: _lzw, 8: zlib.compress, 32773: _runs, 32946: zlib.compress,
    34925: lambda rows: lzma.compress(rows, preset=0), 50000: _zstd,
}  # fmt: skip
COMPRESSIONS = tuple(_COMPRESSIONS)


def _file(tags: dict[int, list[int]], pieces: list[bytes], where: int, storage: Storage) -> bytes:
    end, big = storage.end, storage.big
    word, room, start = (end + "Q", 8, 16) if big else (end + "I", 4, 8)
    directory = (8 if big else 2) + len(tags) * (4 + 2 * room) + room
    sizes = {tag: len(values) * _size(tag, values) for tag, values in tags.items()}
    at = start + directory + sum(size for size in sizes.values() if size > room)
    places = []
    for piece in pieces:
        at += at % 2
        places.append(at)
        at += len(piece)
    tags = tags | {where: places}
    entries, far = b"", b""
    for tag, values in sorted(tags.items()):
        kind, code = {1: (1, "B"), 2: (3, "H"), 4: (4, "I")}[sizes[tag] // len(values)]
        content = struct.pack(f"{end}{len(values)}{code}", *values)
        entries += struct.pack(end + "HH", tag, kind) + struct.pack(word, len(values))
        if len(content) <= room:
            entries += content.ljust(room, b"\0")
        else:
            entries += struct.pack(word, start + directory + len(far))
            far += content
    mark = b"II" if end == "<" else b"MM"
    if big:
        head = mark + struct.pack(end + "HHHQQ", 43, 8, 0, 16, len(tags))
    else:
        head = mark + struct.pack(end + "HIH", 42, 8, len(tags))
    data = head + entries + bytes(room) + far
    for place, piece in zip(places, pieces, strict=True):
        data = data.ljust(place, b"\0") + piece
    return data


def _size(tag: int, values: list[int]) -> int:
    """Bytes of a number."""
    if tag == 700:
        return 1
    long = tag in (256, 257, 273, 278, 279, 324, 325) or max(values) >= 1 << 16
    return 4 if long else 2
