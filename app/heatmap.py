"""Anomaly map -> colours -> PNG: presentation only, nothing here moves a score.

The colour maps are perceptually uniform, safe for colour-blind eyes, and their lightness grows
all the way, so they still read on a grey print. Over an image the colours grow opaque with the
anomaly, so that the part stays visible where nothing is wrong. A calibrated scale has the
threshold in the middle of its colours, and a line where the map crosses it: white on the upper
side, and over an image black on the lower. Knows nothing of HTTP or the model.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import cmap
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.errors import FieldError
from app.png import encode_palette, encode_rgb

FloatMap = NDArray[np.float32]
Colours = NDArray[np.uint8]
Flags = NDArray[np.bool_]

ColourMap = Literal["inferno", "magma", "plasma", "viridis", "cividis", "batlow"]
COLOUR_MAPS: tuple[str, ...] = get_args(ColourMap)
COLOUR_MAP = "inferno"
_MOST_OPAQUE = 0.8  # the colour at the top of the scale, over the image
_OPACITY: Colours = np.round(np.arange(256) * _MOST_OPAQUE).astype(np.uint8)
# With a threshold, 255 levels, so that one of them is in the middle, and the line's own.
_LINE = 255
_LINE_COLOUR = (255, 255, 255)
# A good part is calm: its map seldom comes near the threshold, and below this it leaves no trace.
_CALM, _AT_THRESHOLD = 0.375, 0.35  # share of the scale, opacity
_GROWING = np.interp(
    np.arange(_LINE) / (_LINE - 1), (_CALM, 0.5, 1.0), (0.0, _AT_THRESHOLD, _MOST_OPAQUE)
)
_CALIBRATED_OPACITY: Colours = np.round(np.append(_GROWING, 1.0) * 255).astype(np.uint8)
_PIXELS_PER_LINE = 400  # of the shorter side: a line of one pixel is lost on a large picture
_OUTSIDE: list[int] = [round(value * 0.6) for value in range(256)] * 3  # dimmed, still a picture


@dataclass(frozen=True)
class Scale:
    """Which anomaly value is the colour map's lower and which its upper end.

    threshold: where a line is drawn, in the middle of the two; None draws none.
    """

    kind: Literal["per_image", "calibrated"]
    low: float
    high: float
    threshold: float | None = None


def per_image_scale(anomaly: FloatMap, inside: Flags | None = None) -> Scale:
    """The map's own minimum and maximum, as in the paper's figures; those inside, where given."""
    counted = anomaly if inside is None else anomaly[inside]
    return Scale("per_image", float(counted.min()), float(counted.max()))


def calibrated_scale(low: float, threshold: float) -> Scale:
    """From what good maps are at (their median) to as far above the threshold, both finite.

    The same for every image of a category, so that pictures can be compared. A threshold not
    above `low` gets a scale so narrow that it only tells below from above.
    """
    span = threshold - low
    least = max(abs(threshold), 1e-3) * 1e-3  # a float32 map still has steps in it
    span = max(span, least)
    return Scale("calibrated", threshold - span, threshold + span, threshold)


def colour_png(
    anomaly: FloatMap,
    scale: Scale,
    size: tuple[int, int],
    colours: str = COLOUR_MAP,
    inside: Flags | None = None,
) -> bytes:
    """Anomaly map [S,S] -> PNG (with a palette) of its colours, `size` = (width, height) pixels.

    inside: bool [S,S], where the map counts; elsewhere all is at the lowest colour. Raises
    FieldError for `colours` not in COLOUR_MAPS.
    """
    levels, _ = _levels(anomaly, scale, size, _resized_flags(inside, size))
    return encode_palette(levels, _palette(colours, scale.threshold is not None))


def overlay_png(
    anomaly: FloatMap,
    scale: Scale,
    canvas: Image.Image,
    colours: str = COLOUR_MAP,
    inside: Flags | None = None,
) -> bytes:
    """Anomaly map [S,S] over an RGB picture -> PNG of the picture's size.

    inside: bool [S,S], where the map counts; elsewhere the picture is dimmed, with no colours.
    Raises FieldError for `colours` not in COLOUR_MAPS.
    """
    marked = scale.threshold is not None
    palette = _palette(colours, marked)
    shown = _resized_flags(inside, canvas.size)
    if shown is not None:
        canvas = Image.composite(canvas, canvas.point(_OUTSIDE), Image.fromarray(shown))
    levels, rim = _levels(anomaly, scale, canvas.size, shown)
    image = Image.fromarray(levels, "P")
    image.putpalette(palette.tobytes())
    opacity = Image.fromarray((_CALIBRATED_OPACITY if marked else _OPACITY)[levels])
    blended = Image.composite(image.convert("RGB"), canvas, opacity)
    if rim is not None:
        blended.paste((0, 0, 0), mask=Image.fromarray(rim))
    return encode_rgb(np.asarray(blended))


@lru_cache
def _palette(colours: str, marked: bool) -> Colours:
    """Colours [256,3] of the levels; `marked`: the last is the line's."""
    if colours not in COLOUR_MAPS:
        raise FieldError(
            f"colours: {colours!r} is unknown; expected one of {', '.join(COLOUR_MAPS)}"
        )
    palette: Colours = np.round(cmap.Colormap(colours).lut(256)[:, :3] * 255).astype(np.uint8)
    if not marked:
        return palette
    kept = palette[np.round(np.linspace(0, 255, _LINE)).astype(int)]
    return np.vstack((kept, np.array([_LINE_COLOUR], np.uint8)))


def _levels(
    anomaly: FloatMap, scale: Scale, size: tuple[int, int], shown: Flags | None
) -> tuple[NDArray[np.uint8], Flags | None]:
    """Rows of the colour table, [height,width], and what is just outside the line.

    A flat map is all at the lower end.
    """
    image = Image.fromarray(np.ascontiguousarray(anomaly, dtype=np.float32))
    resized = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    span = scale.high - scale.low
    if not span > 0:
        return np.zeros(resized.shape, dtype=np.uint8), None
    share = np.clip((resized - scale.low) / span, 0.0, 1.0)
    levels = np.round(share * (255 if scale.threshold is None else _LINE - 1)).astype(np.uint8)
    if shown is not None:
        levels *= shown
    if scale.threshold is None:
        return levels, None
    above = resized > scale.threshold
    if shown is not None:
        above &= shown
    if not above.any():
        return levels, None
    border = _border(above, max(1, round(min(size) / _PIXELS_PER_LINE)))
    np.putmask(levels, border & above, _LINE)
    return levels, border & ~above


def _border(above: Flags, width: int) -> Flags:
    """Pixels of both sides that are at most `width` pixels from the other, along an axis."""
    border = np.zeros_like(above)
    for step in range(1, width + 1):
        rows = above[step:] != above[:-step]
        border[step:] |= rows
        border[:-step] |= rows
        columns = above[:, step:] != above[:, :-step]
        border[:, step:] |= columns
        border[:, :-step] |= columns
    return border


def _resized_flags(inside: Flags | None, size: tuple[int, int]) -> Flags | None:
    if inside is None:
        return None
    return np.asarray(Image.fromarray(inside).resize(size, Image.Resampling.NEAREST))
