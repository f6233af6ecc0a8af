"""Colours: the scale's ends, flat maps, size, and what stays visible under an overlay."""

import io

import cmap
import numpy as np
import pytest
from PIL import Image

from app.heatmap import COLOUR_MAP, Scale, colour_png, overlay_png, per_image_scale

RAMP = np.linspace(-0.3, 0.7, 16, dtype=np.float32)[None, :].repeat(16, 0)
LOWEST, HIGHEST = (
    tuple(round(channel * 255) for channel in cmap.Colormap(COLOUR_MAP)(end).rgba[:3])
    for end in (0.0, 1.0)
)


def pixels(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode) in (("PNG", "RGB"), ("PNG", "P"))
    return np.asarray(image.convert("RGB"), int)


def test_per_image_scale_is_the_maps_own_range() -> None:
    scale = per_image_scale(RAMP)
    assert scale == Scale("per_image", float(RAMP.min()), float(RAMP.max()))


def test_the_ends_of_the_scale_are_the_ends_of_the_colours() -> None:
    colours = pixels(colour_png(RAMP, per_image_scale(RAMP), (16, 16)))
    np.testing.assert_allclose(colours[0, 0], LOWEST, atol=1)
    np.testing.assert_allclose(colours[0, -1], HIGHEST, atol=1)


def test_the_colours_grow_lighter_all_the_way() -> None:
    colours = pixels(colour_png(RAMP, per_image_scale(RAMP), (16, 16)))
    lightness = colours[0] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > 0).all()


def test_a_fixed_scale_clips() -> None:
    colours = pixels(colour_png(RAMP, Scale("calibrated", 0.0, 0.1), (16, 16)))
    np.testing.assert_allclose(colours[0, 0], LOWEST, atol=1)
    np.testing.assert_allclose(colours[0, 10], HIGHEST, atol=1)


@pytest.mark.parametrize("value", [0.0, -3.5, 1e30])
def test_a_flat_map_is_all_at_the_lower_end(value: float) -> None:
    flat = np.full((4, 4), value, np.float32)
    colours = pixels(colour_png(flat, per_image_scale(flat), (4, 4)))
    assert np.unique(colours.reshape(-1, 3), axis=0).tolist() == [list(LOWEST)]


@pytest.mark.parametrize("size", [(40, 24), (7, 90), (1, 1)])
def test_any_size(size: tuple[int, int]) -> None:
    canvas = Image.new("RGB", size, (90, 90, 90))
    scale = per_image_scale(RAMP)
    assert pixels(colour_png(RAMP, scale, size)).shape == (size[1], size[0], 3)
    assert pixels(overlay_png(RAMP, scale, canvas)).shape == (size[1], size[0], 3)


def test_an_overlay_leaves_what_is_normal_and_still_shows_the_part_under_the_rest() -> None:
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[::2] = 255
    shown = pixels(overlay_png(RAMP, per_image_scale(RAMP), Image.fromarray(stripes)))
    np.testing.assert_array_equal(shown[:, 0], stripes[:, 0])
    assert np.abs(shown[0, -1] - shown[1, -1]).min() >= 0.15 * 255


def test_a_peak_is_where_the_map_has_it() -> None:
    anomaly = np.zeros((16, 16), np.float32)
    anomaly[3, 12] = 1.0
    colours = pixels(colour_png(anomaly, per_image_scale(anomaly), (160, 80)))
    row, column = np.unravel_index(colours.sum(-1).argmax(), (80, 160))
    assert 15 <= row < 20
    assert 120 <= column < 130
