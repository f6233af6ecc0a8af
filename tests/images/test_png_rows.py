"""A PNG that ends before its last row is no picture; one that is black to the end is."""

import struct
import zlib

import numpy as np
import pytest

from app.errors import ImageDecodeError
from app.images.png_rows import has_all_rows
from app.images.reading import ImageLimits, read_picture
from tests.images.image_bytes import png_file, png_of, png_rows

LIMITS = ImageLimits(max_bytes=1_000_000, max_pixels=1_000_000)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("rows", [1, 5, 11])
def test_a_png_without_its_last_rows_is_refused(interlaced: bool, rows: int) -> None:
    # The stream of pixels is whole and ends with a row, so that Pillow takes it for complete.
    part = png_file(np.full((rows, 8, 1), 200), 8, 0, interlaced=interlaced)
    promised = png_file(np.full((12, 8, 1), 200), 8, 0, interlaced=interlaced)
    start = part.index(b"IDAT") - 4
    with pytest.raises(ImageDecodeError):
        read_picture(promised[:33] + part[start:], LIMITS)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (1000, 999)])
def test_a_black_png_is_whole(size: tuple[int, int], interlaced: bool) -> None:
    stored = np.zeros((*size, 3), int)
    found = read_picture(png_file(stored, 16, 2, interlaced=interlaced), LIMITS)
    assert not np.asarray(found.image).any()


def test_a_large_black_png_without_its_last_row_is_refused() -> None:
    rows = png_rows(np.zeros((999, 1000, 1), int), 8, interlaced=False)
    header = struct.pack(">II5B", 1000, 1000, 8, 0, 0, 0, 0)
    for missing, right in ((0, False), (1001, True)):
        packed = zlib.compress(rows + bytes(missing), 9)
        halves = [(b"IDAT", packed[:100]), (b"IDAT", packed[100:])]
        data = png_of([(b"IHDR", header), *halves, (b"IEND", b"")])
        assert has_all_rows(data) is right
