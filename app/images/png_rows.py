"""Whether a PNG file holds all the rows that its header promises.

Pillow takes a stream of pixels that ends with a whole row for a complete one, and leaves the rows
that are missing black. Knows nothing of Pillow or of colours.
"""

from collections.abc import Iterator

from isal import isal_zlib

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # per pixel, by colour type
_PASSES = (  # of Adam7: first column and row, steps to the next
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip
_WHOLE = ((0, 0, 1, 1),)
_SLICE = 1 << 16


def has_all_rows(data: bytes) -> bool:
    """Whether the file's IDAT chunks unpack to the bytes that its IHDR asks for, or to more.

    For a file that Pillow has decoded: its chunks are well-formed. A broken stream raises
    whatever ISA-L raises.
    """
    missing = _expected(data)
    unpack = isal_zlib.decompressobj()
    for piece in _pieces(data):
        while missing > 0 and not unpack.eof:
            unpacked = unpack.decompress(piece, _SLICE)
            missing -= len(unpacked)
            piece = unpack.unconsumed_tail
            # What it has read may hold far more than one slice: it is asked until nothing comes.
            if not piece and not unpacked:
                break
    return missing <= 0


def _expected(data: bytes) -> int:
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    depth, colour, interlaced = data[24], data[25], data[28]
    bits = depth * _SAMPLES.get(colour, 0)
    total = 0
    for x, y, right, down in _PASSES if interlaced else _WHOLE:
        columns, rows = -(-(width - x) // right), -(-(height - y) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _pieces(data: bytes) -> Iterator[bytes]:
    """What is in the IDAT chunks, in slices: what is left of one is copied each time."""
    at = 8
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 8
        if kind == b"IDAT":
            for start in range(at, at + length, _SLICE):
                yield data[start : min(start + _SLICE, at + length)]
        at += length + 4
