"""A region's mask: the same from any pixel format, small when kept, and safe to open."""

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.errors import FieldError
from app.images.mask import MAX_MASK_BYTES, MAX_MASK_SIDE, mask_pixels, read_mask
from tests.images.image_bytes import png_file

MASK = np.zeros((6, 8), np.uint8)
MASK[2:, 4:] = 1


def png(pixels: NDArray[Any] | Image.Image, **options: Any) -> str:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return base64.b64encode(file.getvalue()).decode()


def palette_image() -> Image.Image:
    """As labelling tools write them: the first class is a dark red."""
    image = Image.new("P", (8, 6))
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.putdata(MASK.ravel().tolist())
    return image


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def header_only(width: int, height: int) -> str:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)).decode()


@pytest.mark.parametrize(
    "text",
    [
        png(MASK),
        png(MASK * 255),
        png(MASK.astype(bool)),
        png(MASK.astype(np.uint16)),
        png(MASK[..., None] * np.array([0, 0, 1], np.uint8)),
        png(MASK[..., None] * np.array([9, 9, 9, 255], np.uint8)),
        png(np.dstack([np.full((6, 8, 3), 255, np.uint8), MASK * 255])),
        png(palette_image(), transparency=0),
        png(palette_image()),
        "data:image/png;base64," + png(MASK),
        "DATA:image/PNG;base64," + png(MASK, compress_level=0),
        base64.encodebytes(base64.b64decode(png(MASK, compress_level=0))).decode(),
    ],
)
def test_any_pixel_format_is_the_same_mask(text: str) -> None:
    np.testing.assert_array_equal(mask_pixels(read_mask(text)), MASK == 1)
    assert read_mask(text) == read_mask(png(MASK))


def test_a_mask_is_kept_as_a_small_png_of_one_bit() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8)
    kept = read_mask(png(noise))
    image = Image.open(io.BytesIO(kept))
    assert (image.format, image.mode, image.size) == ("PNG", "1", (300, 200))
    np.testing.assert_array_equal(np.asarray(image), noise != 0)
    assert len(kept) < 200 * 300 / 8 * 1.1


REFUSED = [
    ("", "no PNG"),
    ("no base64!", "is not base64"),
    ("é", "is not base64"),
    ("data:image/jpeg;base64,AAAA", "is not base64"),
    (base64.b64encode(b"\xff\xd8\xff" * 30).decode(), "content of 90 bytes is no PNG"),
    (base64.b64encode(b"\x89PNG\r\n\x1a\n").decode(), "content of 8 bytes is no PNG"),
    (png(MASK)[:80], "does not decode"),
    (header_only(8, 8), "does not decode"),
    (header_only(0, 8), "does not decode"),
    (header_only(MAX_MASK_SIDE + 1, 1), "mask is 4097 x 1 pixels; expected 4096"),
    (header_only(2**31 - 1, 2**31 - 1), "expected 4096 a side"),
    (png(np.zeros((4, 4), np.uint8)), "mask has nothing inside"),
    (png(np.full((4, 4, 4), (255, 255, 255, 0), np.uint8)), "mask has nothing inside"),
    (base64.b64encode(bytes(MAX_MASK_BYTES + 1)).decode(), "mask has 4194305 bytes"),
    ("A" * (2 * MAX_MASK_BYTES + 1), "mask is too long"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[str(k) for k in range(len(REFUSED))])
def test_what_is_no_mask_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        read_mask(text)
    assert str(caught.value).startswith("roi")
    assert len(str(caught.value)) < 250


def test_a_flipped_bit_in_a_mask_is_found() -> None:
    data = bytearray(base64.b64decode(png(MASK)))
    data[-20] ^= 1
    with pytest.raises(FieldError, match="does not decode"):
        read_mask(base64.b64encode(data).decode())


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [1, 8, 16])
def test_a_mask_that_holds_8_of_its_64_rows_is_refused(depth: int, interlaced: bool) -> None:
    whole, part = (
        png_file(np.ones((rows, 64, 1), int), depth, 0, interlaced=interlaced) for rows in (64, 8)
    )
    assert mask_pixels(read_mask(base64.b64encode(whole).decode())).all()
    cut = whole[:33] + part[33:]
    with pytest.raises(FieldError, match="does not decode; expected a complete, intact PNG"):
        read_mask(base64.b64encode(cut).decode())


def test_one_level_of_sixteen_bits_counts() -> None:
    stored = np.zeros((4, 5, 1), int)
    stored[1, 2], stored[3, 4] = 1, 0x100
    data = png_file(stored, 16, 0)
    found = mask_pixels(read_mask(base64.b64encode(data).decode()))
    np.testing.assert_array_equal(found, stored[..., 0] > 0)


def test_notes_of_any_length_do_not_matter() -> None:
    note = (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 2_000_000))
    data = png_file(MASK[..., None].astype(int), 8, 0, chunks=[note])
    np.testing.assert_array_equal(
        mask_pixels(read_mask(base64.b64encode(data).decode())), MASK == 1
    )
