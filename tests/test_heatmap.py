"""Colours: the scale's ends, flat maps, size, and what stays visible under an overlay."""

import io

import cmap
import numpy as np
import pytest
from PIL import Image

from app.errors import FieldError
from app.heatmap import (
    COLOUR_MAP,
    COLOUR_MAPS,
    Scale,
    calibrated_scale,
    colour_png,
    overlay_png,
    per_image_scale,
)

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


BUMP = np.float32(0.05) + 0.3 * np.exp(
    -((np.arange(48)[:, None] - 14.0) ** 2 + (np.arange(48)[None] - 30.0) ** 2) / 60
).astype(np.float32)
GREY = Image.new("RGB", (96, 96), (90, 120, 60))
WHITE, BLACK = [255, 255, 255], [0, 0, 0]


def is_colour(shown: np.ndarray, colour: list[int]) -> np.ndarray:
    return (shown == colour).all(-1)


def test_a_calibrated_scale_has_the_threshold_in_its_middle() -> None:
    scale = calibrated_scale(0.0625, 0.1875)
    assert scale == Scale("calibrated", 0.0625, 0.3125, 0.1875)


@pytest.mark.parametrize(("low", "threshold"), [(0.2, 0.2), (0.3, 0.2), (0.0, 0.0), (5.0, -4.0)])
def test_a_threshold_not_above_what_is_normal_tells_below_from_above(
    low: float, threshold: float
) -> None:
    scale = calibrated_scale(low, threshold)
    assert scale.low < threshold < scale.high
    assert scale.high - scale.low <= 0.01 * max(abs(threshold), 1)
    steps = np.array([[threshold - 0.1, threshold + 0.1]], np.float32).repeat(2, 0)
    colours = pixels(colour_png(steps, scale, (2, 2)))
    np.testing.assert_allclose(colours[0, 0], LOWEST, atol=1)
    assert colours[0, 1].tolist() == WHITE  # two pixels: one of each side is next to the other


@pytest.mark.parametrize("colours", COLOUR_MAPS)
def test_the_line_is_where_the_map_crosses_the_threshold(colours: str) -> None:
    scale = calibrated_scale(0.05, 0.15)
    shown = pixels(colour_png(BUMP, scale, (48, 48), colours))
    above = np.pad(BUMP > 0.15, 1, mode="edge")
    below_near = ~(above[:-2, 1:-1] & above[2:, 1:-1] & above[1:-1, :-2] & above[1:-1, 2:])
    np.testing.assert_array_equal(is_colour(shown, WHITE), (BUMP > 0.15) & below_near)


def test_a_map_below_the_threshold_has_no_line_and_leaves_the_picture() -> None:
    scale = calibrated_scale(0.05, 1.0)
    assert not is_colour(pixels(colour_png(BUMP, scale, (96, 96))), WHITE).any()
    np.testing.assert_array_equal(pixels(overlay_png(BUMP, scale, GREY)), np.asarray(GREY, int))


def test_a_map_all_above_the_threshold_has_no_line() -> None:
    shown = pixels(colour_png(BUMP, calibrated_scale(-1.0, 0.0), (96, 96)))
    assert not is_colour(shown, WHITE).any()


@pytest.mark.parametrize("ground", [(0, 0, 0), (255, 255, 255), (128, 128, 128)])
def test_over_any_picture_the_line_is_white_with_black_outside(
    ground: tuple[int, int, int],
) -> None:
    canvas = Image.new("RGB", (96, 96), ground)
    shown = pixels(overlay_png(BUMP, calibrated_scale(0.05, 0.15), canvas))
    middle = shown[29]  # through the peak, left to right
    crossing = int(np.argmax(np.asarray(Image.fromarray(BUMP).resize((96, 96), 2))[29] > 0.15))
    assert middle[crossing].tolist() == WHITE
    assert middle[crossing - 1].tolist() == BLACK
    assert middle[0].tolist() == list(ground)


def test_a_line_is_wider_on_a_larger_picture() -> None:
    scale = calibrated_scale(0.05, 0.15)
    shown = is_colour(pixels(colour_png(BUMP, scale, (1200, 1200))), WHITE)[362]
    assert shown.sum() == 2 * 3


def test_over_a_picture_the_colours_grow_from_well_below_the_threshold() -> None:
    ramp = np.linspace(0, 1, 200, dtype=np.float32)[None].repeat(200, 0)
    scale = Scale("calibrated", 0.0, 1.0, 0.5)
    canvas = Image.new("RGB", (200, 200), (0, 0, 255))
    blue = pixels(overlay_png(ramp, scale, canvas))[0, :, 2]
    full = pixels(colour_png(ramp, scale, (200, 200)))[0, :, 2]
    assert (blue[:70] == 255).all()
    opacity = (255 - blue[75:]) / (255 - full[75:]).clip(1)
    assert opacity[97 - 75] == pytest.approx(0.35, abs=0.05)  # just below the threshold
    assert opacity[-1] == pytest.approx(0.8, abs=0.02)


def test_a_scale_without_a_threshold_draws_none() -> None:
    shown = pixels(colour_png(BUMP, Scale("calibrated", 0.0, 1.0), (96, 96)))
    assert not is_colour(shown, WHITE).any()


@pytest.mark.parametrize("colours", COLOUR_MAPS)
@pytest.mark.parametrize("threshold", [None, 0.2])
def test_every_colour_map_grows_lighter_all_the_way(colours: str, threshold: float | None) -> None:
    ramp = np.linspace(0.0, 1.0, 64, dtype=np.float32)[None].repeat(4, 0)
    scale = Scale("calibrated", 0.0, 1.0, threshold)
    shown = pixels(colour_png(ramp, scale, (64, 4), colours))[0]
    lightness = shown[~is_colour(shown, WHITE)] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > 0).all()
    canvas = Image.new("RGB", (8, 8))
    assert pixels(overlay_png(ramp[:, :4], scale, canvas, colours)).shape == (8, 8, 3)


def test_an_unknown_colour_map_is_refused_by_name() -> None:
    with pytest.raises(FieldError, match="colours: 'jet' is unknown; expected one of inferno, "):
        colour_png(RAMP, per_image_scale(RAMP), (16, 16), "jet")
    with pytest.raises(FieldError, match="'jet'"):
        overlay_png(RAMP, per_image_scale(RAMP), GREY, "jet")


@pytest.mark.parametrize("scale", [per_image_scale(BUMP), calibrated_scale(0.05, 0.15)])
def test_outside_the_region_of_interest_nothing_is_coloured(scale: Scale) -> None:
    inside = np.zeros((48, 48), bool)
    inside[:, 30:] = True  # half of the bump
    colours = pixels(colour_png(BUMP, scale, (96, 96), inside=inside))
    assert is_colour(colours[:, :60], list(LOWEST)).all()
    assert not is_colour(colours[:, 60:], list(LOWEST)).all()
    over = pixels(overlay_png(BUMP, scale, GREY, inside=inside))
    plain = pixels(overlay_png(BUMP, scale, GREY))
    assert len(np.unique(over[:, :57].reshape(-1, 3), axis=0)) == 1
    assert (over[0, 0] < np.asarray(GREY)[0, 0]).all()  # dimmed
    np.testing.assert_array_equal(over[:, 64:], plain[:, 64:])


def test_a_per_image_scale_can_look_inside_only() -> None:
    inside = np.zeros((16, 16), bool)
    inside[:, 4:8] = True
    scale = per_image_scale(RAMP, inside)
    assert scale == Scale("per_image", float(RAMP[0, 4]), float(RAMP[0, 7]))
