"""Light and camera: what happens to a scene before it is a picture.

One `Camera` is drawn per pair and takes both pictures, so the twins share light gradient,
vignetting, tone, blur and sensor noise. It knows nothing of surfaces or damage.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from app.offline.synthetic.draw import Array, Draw
from app.offline.synthetic.fields import blurred, coordinates

REACH = 12
"""Pixels around a mask in which blur and JPEG blocks may still change the picture."""


class Camera:
    """A fixed light and a fixed camera; `take` turns a scene into 8-bit RGB."""

    def __init__(self, draw: Draw, side: int) -> None:
        u, v = coordinates(side, draw.free(0, 2 * math.pi))
        gain = 1 + draw.setting(0.0, 0.3) * u / side
        if draw.chance(0.5):
            far = (u + draw.free(-40, 40)) ** 2 + (v + draw.free(-40, 40)) ** 2
            gain = gain * (1 - draw.setting(0.0, 0.5) * far / (side * side))
        self._gain = np.asarray(gain * draw.setting(0.75, 1.2), np.float32)[..., None]
        self._contrast = draw.setting(0.75, 1.1)
        self._blur = draw.setting(0.0, 1.0)
        grain = draw.setting(0.0, 0.04) if draw.chance(0.7) else 0.004
        self._noise = draw.normal(side, side, 3) * grain
        self._jpeg = round(draw.setting(60, 95)) if draw.chance(0.3) else None

    def take(self, scene: Array) -> NDArray[np.uint8]:
        """A scene [S,S,3] about 0..1 as a picture [S,S,3], uint8 RGB."""
        picture = 0.45 + (scene * self._gain - 0.45) * self._contrast
        picture = blurred(np.asarray(picture, np.float32), self._blur) + self._noise
        pixels: NDArray[np.uint8] = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
        if self._jpeg is None:
            return pixels
        options = [
            cv2.IMWRITE_JPEG_QUALITY, self._jpeg,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ]  # fmt: skip
        ok, data = cv2.imencode(".jpg", pixels, options)
        if not ok:
            raise RuntimeError(f"OpenCV could not encode a JPEG of shape {pixels.shape}")
        return np.array(cv2.imdecode(data, cv2.IMREAD_COLOR)).astype(np.uint8)
