"""PNG files that others read: the pixels come back, and every checksum holds."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.png import encode_palette, encode_rgb

SIDES = st.integers(1, 70)
PALETTE = np.random.default_rng(1).permutation(256 * 3).astype(np.uint8).reshape(256, 3)


def decoded(png: bytes, mode: str) -> Image.Image:
    with Image.open(io.BytesIO(png)) as checked:
        checked.verify()  # the checksums, which reading alone does not look at
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode) == ("PNG", mode)
    return image


@given(SIDES, SIDES, st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_colours_come_back(width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    png = encode_rgb(pixels)
    np.testing.assert_array_equal(np.asarray(decoded(png, "RGB")), pixels)
    other_reader = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(other_reader[..., ::-1], pixels)


@given(SIDES, SIDES, st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_indices_come_back_as_the_palette_s_colours(width: int, height: int, seed: int) -> None:
    indices = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    image = decoded(encode_palette(indices, PALETTE), "P")
    np.testing.assert_array_equal(np.asarray(image), indices)
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), PALETTE[indices])


@pytest.mark.parametrize("view", [np.s_[::2, ::3], np.s_[::-1], np.s_[:, ::-1]])
def test_pixels_that_lie_apart_in_memory(view: tuple[slice, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)[view]
    np.testing.assert_array_equal(np.asarray(decoded(encode_rgb(pixels), "RGB")), pixels)


def test_flat_colour_takes_next_to_nothing() -> None:
    assert len(encode_palette(np.zeros((1024, 1024), np.uint8), PALETTE)) < 20_000
