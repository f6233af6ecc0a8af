"""Anomaly map -> colours -> PNG: presentation only, nothing here moves a score.

The colour map is matplotlib's `inferno`: perceptually uniform, safe for colour-blind eyes, and
its lightness grows all the way, so it still reads on a grey print. Over an image the colours grow
opaque with the anomaly, so that the part stays visible where nothing is wrong. Knows nothing of
HTTP or the model.
"""

from dataclasses import dataclass
from typing import Literal

import cmap
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.png import encode_palette, encode_rgb

FloatMap = NDArray[np.float32]
Colours = NDArray[np.uint8]

COLOUR_MAP = "inferno"
_MOST_OPAQUE = 0.8  # the colour at the top of the scale, over the image
_LUT: Colours = np.round(cmap.Colormap(COLOUR_MAP).lut(256)[:, :3] * 255).astype(np.uint8)
_OPACITY: Colours = np.round(np.arange(256) * _MOST_OPAQUE).astype(np.uint8)


@dataclass(frozen=True)
class Scale:
    """Which anomaly value is the colour map's lower and which its upper end."""

    kind: Literal["per_image", "calibrated"]
    low: float
    high: float


def per_image_scale(anomaly: FloatMap) -> Scale:
    """The map's own minimum and maximum, as in the paper's figures."""
    return Scale("per_image", float(anomaly.min()), float(anomaly.max()))


def colour_png(anomaly: FloatMap, scale: Scale, size: tuple[int, int]) -> bytes:
    """Anomaly map [S,S] -> PNG (with a palette) of its colours, `size` = (width, height) pixels."""
    return encode_palette(_levels(anomaly, scale, size), _LUT)


def overlay_png(anomaly: FloatMap, scale: Scale, canvas: Image.Image) -> bytes:
    """Anomaly map [S,S] over an RGB picture -> PNG of the picture's size."""
    levels = _levels(anomaly, scale, canvas.size)
    colours = Image.fromarray(levels, "P")
    colours.putpalette(_LUT.tobytes())
    opacity = Image.fromarray(_OPACITY[levels])
    blended = Image.composite(colours.convert("RGB"), canvas, opacity)
    return encode_rgb(np.asarray(blended))


def _levels(anomaly: FloatMap, scale: Scale, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Rows of the colour table, [height,width]; a flat map is all at the lower end."""
    image = Image.fromarray(np.ascontiguousarray(anomaly, dtype=np.float32))
    resized = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    span = scale.high - scale.low
    if not span > 0:
        return np.zeros(resized.shape, dtype=np.uint8)
    share = np.clip((resized - scale.low) / span, 0.0, 1.0)
    return np.round(share * 255).astype(np.uint8)
