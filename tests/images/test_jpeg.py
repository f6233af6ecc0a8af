"""JPEG files of other depths and processes than are read: intact, and refused by name."""

import numpy as np
import pytest
from PIL import Image

from app.errors import ImageFormatError
from app.images.reading import ImageLimits, decode_image, read_picture
from tests.images.image_bytes import file_of
from tests.pictures import gradient

LIMITS = ImageLimits(max_bytes=1_000_000, max_pixels=100_000)


def frame_of(data: bytes) -> int:
    """Where the marker of a baseline frame stands."""
    return data.index(b"\xff\xc0")


def altered(mode: str, at: int, value: int) -> bytes:
    """A JPEG in whose frame a byte, counted from the marker's second one, is another."""
    data = bytearray(file_of(gradient().convert(mode), "JPEG"))
    data[frame_of(bytes(data)) + 1 + at] = value
    return bytes(data)


MARKER, BITS, HEIGHT = 0, 3, 4


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (altered("L", BITS, 12), r"12 bits a sample \(lossy\)"),
        (altered("RGB", BITS, 12), "12 bits a sample"),
        (altered("L", BITS, 16), "16 bits a sample"),
        (altered("RGB", MARKER, 0xC3), "compression lossless"),
        (altered("RGB", MARKER, 0xC5), "compression hierarchical"),
        (altered("L", MARKER, 0xCB), "compression lossless, arithmetic"),
        (altered("RGB", MARKER, 0xF7), "compression JPEG-LS"),
        (altered("L", MARKER, 0xF7), "compression JPEG-LS"),
    ],
)
def test_a_refusal_names_the_depth_or_process(data: bytes, words: str) -> None:
    with pytest.raises(ImageFormatError, match="JPEG image has " + words):
        read_picture(data, LIMITS)


def test_a_lossless_frame_names_its_depth() -> None:
    data = bytearray(altered("L", MARKER, 0xC3))
    data[data.index(b"\xff\xc3") + 1 + BITS] = 16
    with pytest.raises(ImageFormatError, match=r"16 bits a sample \(lossless\)"):
        read_picture(bytes(data), LIMITS)


def test_a_height_that_comes_later_is_refused() -> None:
    data = bytearray(file_of(gradient(), "JPEG"))
    at = frame_of(bytes(data)) + 1 + HEIGHT
    data[at : at + 2] = b"\0\0"
    with pytest.raises(ImageFormatError, match="height behind its first scan"):
        read_picture(bytes(data), LIMITS)


def test_two_channels_are_refused() -> None:
    data = file_of(Image.new("L", (8, 8)), "JPEG")
    at = frame_of(data)
    frame = b"\xff\xc0\0\x0e\x08\0\x08\0\x08\x02\x01\x11\0\x02\x11\0"
    with pytest.raises(ImageFormatError, match="has 2 channels"):
        read_picture(data[:at] + frame + data[at + 13 :], LIMITS)


@pytest.mark.parametrize("subsampling", [0, 2])
def test_inks_are_read_with_adobe_s_mark_alone(subsampling: int) -> None:
    inks = np.full((16, 16, 4), (200, 30, 90, 60), np.uint8)
    data = file_of(Image.fromarray(inks, "CMYK"), "JPEG", quality=100, subsampling=subsampling)
    shown = np.round((255.0 - inks[..., :3]) * (255 - inks[..., 3:]) / 255)
    assert np.abs(np.asarray(decode_image(data, LIMITS)) - shown).max() <= 3
    mark = data.index(b"\xff\xee")
    length = int.from_bytes(data[mark + 2 : mark + 4], "big")
    with pytest.raises(ImageFormatError, match="4 channels without Adobe's mark"):
        read_picture(data[:mark] + data[mark + 2 + length :], LIMITS)
