"""Every form of a BMP, written by hand, with what it must show.

A form is a size of header, a depth, a compression, bit masks, a palette and a direction. Knows
nothing of which forms the service reads.
"""

import itertools
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.images.shown import Shown, over_white

HEIGHT, WIDTH = 7, 13  # a row of no depth fills whole words
HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
DEPTHS = (1, 2, 4, 8, 16, 24, 32)
MASKS: dict[int, tuple[tuple[int, int, int, int], ...]] = {
    16: (
        (0x7C00, 0x3E0, 0x1F, 0), (0xF800, 0x7E0, 0x1F, 0), (0x1F, 0x7E0, 0xF800, 0),
        (0xF00, 0xF0, 0xF, 0xF000), (0x7C00, 0x3E0, 0x1F, 0x8000), (0xE0, 0x1C, 0x3, 0),
    ),
    24: ((0xFF0000, 0xFF00, 0xFF, 0), (0xFF, 0xFF00, 0xFF0000, 0)),
    32: (
        (0xFF0000, 0xFF00, 0xFF, 0), (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
        (0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000),
        (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000), (0x3FF, 0xFFC00, 0x3FF00000, 0),
        (0x7C00, 0x3E0, 0x1F, 0), (0, 0, 0, 0), (0xF0F, 0xF0, 0xF000, 0), (0xFF00, 0xFF00, 0xFF, 0),
    ),
}  # fmt: skip
PALETTES = ("noise", "short", "grey", "two greys", "dark greys")
ALPHAS = ("noise", "nowhere", "everywhere")
_PLAIN, _RUNS_8, _RUNS_4, _MASKED = 0, 1, 2, 3


@dataclass(frozen=True)
class BmpMade:
    """A form. runs: how they are written; gap: bytes between the header and the pixels."""

    header: int
    bits: int
    compression: int = _PLAIN
    masks: tuple[int, int, int, int] = (0, 0, 0, 0)
    palette: str = "noise"
    alpha: str = "noise"
    top_down: bool = False
    runs: str = "runs"
    gap: int = 0

    tolerance = 1  # of blending

    def make(self, rng: np.random.Generator) -> tuple[bytes, Shown]:
        """A file of noise, and the pixels [H,W,3] it shows."""
        if self.bits <= 8:
            return self._indexed(rng)
        words = rng.integers(0, 1 << self.bits, (HEIGHT, WIDTH))
        masks = self.masks
        if self.compression == _PLAIN:
            masks = {16: MASKS[16][0], 24: MASKS[24][0], 32: MASKS[32][0]}[self.bits]
        if masks[3] and self.alpha != "noise":
            words = words & ~masks[3] if self.alpha == "nowhere" else words | masks[3]
        red, green, blue, alpha = (_selected(words, mask) for mask in masks)
        shown = np.stack([red, green, blue], axis=-1)
        if alpha.any():
            shown = over_white(shown, alpha[..., None])
        size = self.bits // 8
        rows = [b"".join(int(word).to_bytes(size, "little") for word in row) for row in words]
        return self._file(rows, b""), shown

    def _indexed(self, rng: np.random.Generator) -> tuple[bytes, Shown]:
        colours = {"short": 3, "two greys": 2}.get(self.palette, 1 << self.bits)
        colours = min(colours, 1 << self.bits)
        greys = {"grey": 255 // ((1 << self.bits) - 1), "two greys": 255, "dark greys": 1}
        if step := greys.get(self.palette):
            table = np.repeat(np.arange(colours)[:, None] * step, 3, axis=1)
        else:
            table = rng.integers(0, 256, (colours, 3))
        numbers = rng.integers(0, colours, (HEIGHT, WIDTH))
        numbers[2] = numbers[2, 0]  # a row of one run
        room = () if self.header == 12 else (0,)
        packed = b"".join(bytes((*row[::-1].tolist(), *room)) for row in table)
        if self.compression:
            upside_down = numbers if self.top_down else numbers[::-1]
            pixels = _written_runs(upside_down, self.compression == _RUNS_4, self.runs)
            return self._file([pixels], packed, colours, whole=True), table[numbers]
        return self._file([_packed(row, self.bits) for row in numbers], packed, colours), table[
            numbers
        ]

    def _file(
        self, rows: list[bytes], table: bytes, colours: int = 0, whole: bool = False
    ) -> bytes:
        if not whole:
            rows = [row + bytes(-len(row) % 4) for row in rows]
            rows = rows if self.top_down else rows[::-1]
        pixels = b"".join(rows)
        height = -HEIGHT if self.top_down else HEIGHT
        if self.header == 12:
            head = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, self.bits)
        else:
            head = struct.pack("<IiiHH", self.header, WIDTH, height, 1, self.bits)
            head += struct.pack("<IIiiII", self.compression, len(pixels), 9, 9, colours, 0)
            if self.header >= 52:
                head += struct.pack("<4I", *self.masks)
            head = head[: self.header].ljust(self.header, b"\0")
            if self.compression == _MASKED and self.header == 40:
                head += struct.pack("<3I", *self.masks[:3])
        start = 14 + len(head) + len(table) + self.gap
        first = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start)
        return first + head + table + b"\xee" * self.gap + pixels


def every_form() -> Iterator[BmpMade]:
    """All of them."""
    for header, bits, top_down, gap in itertools.product(HEADERS, DEPTHS, (False, True), (0, 6)):
        if top_down and header == 12:
            continue
        common: dict[str, Any] = {"top_down": top_down, "gap": gap}
        for palette in PALETTES if bits <= 8 else PALETTES[:1]:
            if header >= 40 or palette not in ("short", "two greys"):
                yield BmpMade(header, bits, palette=palette, **common)
        if header < 40:
            continue
        if bits in (4, 8):
            for runs in ("runs", "pieces", "empty rows", "left", "ends early", "early rows"):
                yield BmpMade(header, bits, _RUNS_8 if bits == 8 else _RUNS_4, runs=runs, **common)
        for masks in MASKS.get(bits, ()):
            if masks[3] and header < 56:
                continue
            for alpha in ALPHAS if masks[3] else ALPHAS[:1]:
                yield BmpMade(header, bits, _MASKED, masks, alpha=alpha, **common)
    for header, bits, compression in itertools.product((40, 64, 124), DEPTHS, (4, 5, 7, 11)):
        yield BmpMade(header, bits, compression)


def some_forms(seed: int, count: int) -> Iterator[BmpMade]:
    """So many of them, drawn from all."""
    yield from random.Random(seed).sample(list(every_form()), count)


def _selected(words: NDArray[np.int64], mask: int) -> Shown:
    if not mask:
        return np.zeros_like(words)
    lowest = (mask & -mask).bit_length() - 1
    top = mask >> lowest
    values = (words & mask) >> lowest
    return (
        values >> (top.bit_length() - 8) if top >= 255 else np.round(values * 255 / top).astype(int)
    )


def _packed(row: NDArray[np.int64], bits: int) -> bytes:
    text = "".join(f"{number:0{bits}b}" for number in row)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def _written_runs(rows: NDArray[np.int64], nibbles: bool, how: str) -> bytes:
    """Rows as runs; of "left" and "early ..." not every pixel is set."""
    data = b""
    for number, row in enumerate(rows.tolist()):
        if how == "ends early" and number == len(rows) - 2:
            return data + b"\0\1"
        if how == "empty rows" and number == 3:
            data += b"\0\0"
            continue
        if how == "left" and number == 1:  # the row's first pixels are passed over
            data += b"\0\2\5\0"
            row = row[5:]
        if how == "early rows":
            row = row[:-2]
        data += _pieces(row, nibbles) if how == "pieces" else _single(row, nibbles)
        data += b"\0\0"
    return data + b"\0\1"


def _single(row: list[int], nibbles: bool) -> bytes:
    data = b""
    for value, group in itertools.groupby(row):
        length = len(list(group))
        data += bytes((length, value << 4 | value if nibbles else value))
    return data


def _pieces(row: list[int], nibbles: bool) -> bytes:
    """Each as it stands, which needs three pixels or more."""
    values = bytes(row)
    if nibbles:
        even = [*row, 0] if len(row) % 2 else row
        values = bytes(a << 4 | b for a, b in zip(even[::2], even[1::2], strict=True))
    return bytes((0, len(row))) + values + bytes(len(values) % 2)
