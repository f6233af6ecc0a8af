"""Every form of a PNG: colour type, depth, interlacing, transparency; and what it must show."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.images.image_bytes import png_file
from tests.images.shown import Shown, over_white, upper_eight

HEIGHT, WIDTH = 11, 13
KINDS = (
    *((0, depth) for depth in (1, 2, 4, 8, 16)),
    *((2, depth) for depth in (8, 16)),
    *((3, depth) for depth in (1, 2, 4, 8)),
    *((4, depth) for depth in (8, 16)),
    *((6, depth) for depth in (8, 16)),
)
"""Colour type and depth."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


@dataclass(frozen=True)
class PngMade:
    """A form. clear: what is transparent beside an alpha channel.

    `one`: a colour; `alike`: one whose upper 8 bits others have too; `table`: of a palette.
    """

    colour: int
    depth: int
    interlaced: bool = False
    clear: str = ""

    tolerance = 1  # of blending

    def make(self, rng: np.random.Generator) -> tuple[bytes, Shown]:
        """A file of noise, and the pixels [H,W,3] it shows."""
        top = 1 << self.depth
        stored = rng.integers(0, top, (HEIGHT, WIDTH, _CHANNELS[self.colour]))
        alpha = np.full((HEIGHT, WIDTH, 1), 255)
        chunks = []
        if self.clear in ("one", "alike") and self.colour != 3:
            if self.clear == "alike":
                stored[0, 1] = stored[0, 0] ^ 1
            chunks.append((b"tRNS", stored[0, 0].astype(">u2").tobytes()))
            alpha[(stored == stored[0, 0]).all(axis=-1)] = 0
        if self.colour == 3:
            table = rng.integers(0, 256, (top, 3))
            opacity = np.full(top, 255)
            chunks.append((b"PLTE", table.astype(np.uint8).tobytes()))
            if self.clear:
                some = [0] if self.clear == "one" else rng.integers(0, 256, top - 1).tolist()
                opacity[: len(some)] = some
                chunks.append((b"tRNS", bytes(some)))
            shown, alpha = table[stored[..., 0]], opacity[stored]
        else:
            levels = upper_eight(stored, self.depth)
            if self.colour in (4, 6):
                levels, alpha = levels[..., :-1], levels[..., -1:]
            shown = np.broadcast_to(levels, (HEIGHT, WIDTH, 3))
        data = png_file(stored, self.depth, self.colour, interlaced=self.interlaced, chunks=chunks)
        return data, over_white(shown, alpha)


def every_form() -> Iterator[PngMade]:
    """All of them."""
    for (colour, depth), interlaced in itertools.product(KINDS, (False, True)):
        yield PngMade(colour, depth, interlaced)
        for clear in (
            ("one", "alike") if colour in (0, 2) else ("one", "table")[: 2 * (colour == 3)]
        ):
            yield PngMade(colour, depth, interlaced, clear)
