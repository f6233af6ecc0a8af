"""Every form of a TIFF, written by hand, with what it must show.

A form is a photometric interpretation, a depth, a number format, further samples, and a way of
keeping them. Knows nothing of which forms the service reads.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.images.shown import CHANNELS, Shown, tiff_shows
from tests.images.tiff_writer import COMPRESSIONS, Storage, tiff_bytes

HEIGHT, WIDTH = 19, 21  # no multiple of a tile, of a strip's rows, or of 8
PHOTOMETRICS = tuple(CHANNELS)
DEPTHS = (
    *((1, bits) for bits in (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64)),
    *((2, bits) for bits in (8, 16, 32, 64)),
    *((3, bits) for bits in (16, 32, 64)),
    *((4, bits) for bits in (1, 8, 12, 16, 32)),
    (5, 32), (6, 64),
)  # fmt: skip
"""Number format and bits of a sample."""

UNTOLD = (-1,)  # a further sample of which the file says nothing
_FURTHER = ((), (0,), (1,), (2,), (0, 0), (1, 0), (2, 0), (2, 2), UNTOLD)
_ORDERS = (("<", False), (">", False), ("<", True))
_LAYOUTS = ((0, 7), (0, HEIGHT), (16, HEIGHT))  # side of a tile, rows of a strip
_COMMON = {(1, bits) for bits in (1, 2, 4, 8, 16)} | {(1, 12), (3, 32)}
_PREDICTED = (5, 8, 50000)


@dataclass(frozen=True)
class TiffMade:
    """A form. narrow: whether its colour map has numbers of 8 bits where 16 are meant."""

    photometric: int
    storage: Storage
    further: tuple[int, ...] = ()
    narrow: bool = False

    def make(
        self, rng: np.random.Generator, more: Mapping[int, list[int]] = MappingProxyType({})
    ) -> tuple[bytes, Shown]:
        """A file of noise with these tags too, and the pixels [H,W,3] it shows."""
        storage, told = self.storage, self.further if self.further != UNTOLD else ()
        samples = self._noise(rng)
        tags: dict[int, list[int]] = {262: [self.photometric], 338: list(told)}
        colours: list[int] = []
        if self.photometric == 3 and storage.bits <= 16:
            top = 256 if self.narrow else 65536
            colours = rng.integers(0, top, 3 << storage.bits).tolist()
            tags[320] = colours
        if self.photometric == 6:
            tags[530] = [1, 1]
        number = 1 if storage.sample_format == 4 else storage.sample_format
        if number in (1, 3) and storage.bits <= 32 and self.photometric in (0, 1, 2, 3, 5, 6):
            indexed = samples.astype(int) if self.photometric == 3 else samples
            shown = tiff_shows(indexed, self.photometric, storage.bits, number, told, colours)
        else:  # whatever it is made to show is a guess
            shown = np.full((HEIGHT, WIDTH, 3), -1)
        return tiff_bytes(samples, storage, tags | dict(more)), shown

    def _noise(self, rng: np.random.Generator) -> NDArray[Any]:
        storage, channels = self.storage, CHANNELS[self.photometric]
        shape = (HEIGHT, WIDTH, channels + len(self.further))
        if storage.sample_format in (3, 6):
            return rng.random(shape).astype(f"f{min(8, storage.bits // 8)}")
        samples = rng.integers(0, 1 << storage.bits, shape, np.uint64, endpoint=False)
        if 1 in self.further:
            alpha = samples[..., channels + self.further.index(1), None]
            samples[..., :channels] = np.minimum(samples[..., :channels], alpha)
        return samples.astype(np.int64)

    @property
    def tolerance(self) -> int:
        """What blending, inks, YCbCr and floats may round otherwise."""
        return 2 if self.photometric in (5, 6) or any(self.further) else int(self.is_float)

    @property
    def is_float(self) -> bool:
        return self.storage.sample_format == 3


def every_form() -> Iterator[TiffMade]:
    """All of them, the usual depths in all ways of keeping them, the others in fewer."""
    for photometric, depth in _depths():
        for choice in itertools.product(*_axes(photometric, depth)):
            if (form := _form(photometric, depth, choice)) is not None:
                yield form


def some_forms(seed: int, each: int) -> Iterator[TiffMade]:
    """So many of each photometric interpretation and depth, drawn from all."""
    draw = random.Random(seed)
    for photometric, depth in _depths():
        axes = _axes(photometric, depth)
        for _ in range(each):
            form = None
            while form is None:
                form = _form(photometric, depth, tuple(draw.choice(axis) for axis in axes))
            yield form


def _depths() -> Iterator[tuple[int, tuple[int, int]]]:
    for photometric, depth in itertools.product(PHOTOMETRICS, DEPTHS):
        if photometric != 3 or depth[1] <= 16:  # a map of more colours is larger than a file
            yield photometric, depth


def _axes(photometric: int, depth: tuple[int, int]) -> list[tuple[Any, ...]]:
    """What a form of this depth may be otherwise made of; see `_form`."""
    narrow = (False, True) if photometric == 3 else (False,)
    if photometric in (4, 8, 9, 32803):
        return [((),), (1, 2), _ORDERS, _LAYOUTS[::2], (1, 5), (1,), (1,), narrow]
    if depth in _COMMON:
        return [_FURTHER, (1, 2), _ORDERS, _LAYOUTS, COMPRESSIONS, (1, 2, 3), (1, 2), narrow]
    return [_FURTHER, (1, 2), _ORDERS, _LAYOUTS[::2], (1, 5), (1, 2), (1,), narrow]


def _form(photometric: int, depth: tuple[int, int], choice: tuple[Any, ...]) -> TiffMade | None:
    """None where the parts do not go together."""
    further, planar, (end, big), (tile, rows), compression, predictor, fill, narrow = choice
    number, bits = depth
    if predictor > 1 and compression not in _PREDICTED:
        return None
    if fill > 1 and compression not in (1, 5, 32773):
        return None
    if (predictor == 2 and bits not in (8, 16, 32, 64)) or (predictor == 3 and number != 3):
        return None
    if number in (5, 6) and predictor > 1:
        return None
    storage = Storage(
        bits, number, end, big, planar, compression, predictor, fill, tile=tile, rows=rows
    )
    return TiffMade(photometric, storage, further, narrow)


def plain_forms() -> Iterator[TiffMade]:
    """Forms that must be read, not only refused: what cameras and programs write."""
    grey = [(bits, 1) for bits in (1, 2, 4, 8, 10, 12, 14, 16)] + [(32, 3)]
    depths = {
        0: grey,
        1: [*grey, (8, 4), (16, 4)],
        2: [(8, 1), (10, 1), (12, 1), (14, 1), (16, 1), (8, 4)],
        3: [(1, 1), (2, 1), (4, 1), (8, 1)],
        5: [(8, 1), (16, 1)],
        6: [(8, 1)],
    }
    kept = itertools.product(_ORDERS, _LAYOUTS, COMPRESSIONS)
    for ((end, big), (tile, rows), compression), photometric in itertools.product(kept, depths):
        for bits, number in depths[photometric]:
            storage = Storage(bits, number, end, big, 1, compression, tile=tile, rows=rows)
            yield TiffMade(photometric, storage)
            predicted = compression in _PREDICTED and photometric != 6
            if predicted and number == 1 and bits in (8, 16):
                yield TiffMade(photometric, replace(storage, predictor=2))
            if predicted and number == 3:
                yield TiffMade(photometric, replace(storage, predictor=3))
            if photometric in (2, 5) and bits in (8, 16):
                yield TiffMade(photometric, replace(storage, planar=2))
            if photometric == 2 and bits in (8, 16) and number == 1:
                for planar, further in itertools.product((1, 2), ((0,), (1,), (2,))):
                    yield TiffMade(photometric, replace(storage, planar=planar), further)
            if photometric == 1 and (bits, number) == (8, 1):
                for further in ((0,), (1,), (2,)):
                    yield TiffMade(photometric, storage, further)
            if photometric == 3:
                yield TiffMade(photometric, storage, narrow=True)
