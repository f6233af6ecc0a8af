"""Building blocks of surfaces: noise, cells, stripes, relief and colour.

Everything is a float32 field [side, side], or an image [side, side, 3] with values in 0..1.
This file does not know which materials exist.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable

import cv2
import numpy as np

from app.offline.synthetic.draw import Array, Draw


def resized(field: Array, width: int, height: int) -> Array:
    """`field` interpolated (cubic) to [height, width]."""
    return np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def blurred(field: Array, sigma: float) -> Array:
    """Gaussian blur with `sigma` in pixels; the field itself below 0.2."""
    if sigma < 0.2:
        return field
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), np.float32)


def noise(draw: Draw, side: int, cell: float, tall: float = 1.0) -> Array:
    """Smooth noise of zero mean and unit deviation; `cell` is its grain in pixels.

    `tall` stretches the grain along the vertical axis.
    """
    columns = max(2, math.ceil(side / cell))
    rows = max(2, math.ceil(side / (cell * tall)))
    field = resized(draw.normal(rows, columns), side, side)
    return np.asarray((field - field.mean()) / (field.std() + 1e-6), np.float32)


def octaves(draw: Draw, side: int, cell: float, count: int = 4, fall: float = 0.55) -> Array:
    """Fractal noise: `count` octaves from grain `cell` downwards; zero mean, unit deviation."""
    field = np.zeros((side, side), np.float32)
    for octave in range(count):
        field += fall**octave * noise(draw, side, max(1.0, cell / 2**octave))
    return np.asarray((field - field.mean()) / (field.std() + 1e-6), np.float32)


def coordinates(side: int, angle: float = 0.0) -> tuple[Array, Array]:
    """Pixel coordinates (u, v) about the image centre, turned by `angle` (radians)."""
    axis = np.arange(side).astype(np.float32) - np.float32(side / 2)
    x, y = axis[None, :], axis[:, None]
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.asarray(x * cosine + y * sine, np.float32), np.asarray(
        y * cosine - x * sine, np.float32
    )


def wave(position: Array, period: float, phase: float = 0.0) -> Array:
    """A cosine of `position` in 0..1."""
    return np.asarray(
        0.5 + 0.5 * np.cos(2 * math.pi * (position / period + phase)), dtype=np.float32
    )


def cyclic(position: Array, period: float) -> Array:
    """Signed distance of `position` to the nearest multiple of `period`."""
    return np.asarray(position - period * np.round(position / period), np.float32)


def edge(distance: Array, width: float = 1.0) -> Array:
    """A soft step: 0 below zero, 1 above `width`."""
    return np.asarray(np.clip(distance / width + 0.5, 0.0, 1.0), np.float32)


def cells(draw: Draw, side: int, size: float) -> tuple[Array, Array]:
    """A cellular partition: (distance to the nearest cell border in pixels, value per cell)."""
    count = math.ceil(side / size) + 2
    grid = np.stack(np.meshgrid(np.arange(count), np.arange(count)), axis=-1).reshape(-1, 2)
    points = np.round((grid - 0.5 + 0.8 * draw.uniforms(count * count, 2)) * size).astype(int)
    inside = np.all((points >= 0) & (points < side), axis=1)
    seeds = np.full((side, side), 255, np.uint8)
    seeds[points[inside, 1], points[inside, 0]] = 0
    _, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(labels)
    border = np.zeros((side, side), bool)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:, :] |= labels[1:, :] != labels[:-1, :]
    distance = cv2.distanceTransform(np.where(border, 0, 255).astype(np.uint8), cv2.DIST_L2, 5)
    values = draw.uniforms(int(labels.max()) + 1)
    return np.asarray(distance, np.float32), np.asarray(values[labels], np.float32)


def turned(draw: Draw, side: int, angle: float, render: Callable[[int], Array]) -> Array:
    """What `render` draws on a larger square, turned by `angle` and cut to [side, side, ...]."""
    large = math.ceil(side * 1.45)
    image = render(large)
    turn = cv2.getRotationMatrix2D((large / 2, large / 2), math.degrees(angle), 1.0)
    matrix = np.array(turn, np.float64)
    matrix[:, 2] -= (large - side) / 2
    return np.asarray(cv2.warpAffine(image, matrix, (side, side)), np.float32)


def relief(draw: Draw, height: Array, strength: float) -> Array:
    """Light from a free side on a height field: a factor about 1."""
    angle = draw.free(0, 2 * math.pi)
    down, right = np.gradient(height)
    slope = right * math.cos(angle) + down * math.sin(angle)
    return np.asarray(1 + strength * np.tanh(slope), np.float32)


def colour(
    draw: Draw,
    hue: tuple[float, float] = (0.0, 1.0),
    saturation: tuple[float, float] = (0.1, 0.7),
    value: tuple[float, float] = (0.3, 0.85),
) -> Array:
    """An RGB colour [3] whose hue, saturation and value are settings in the given ranges."""
    rgb = colorsys.hsv_to_rgb(
        draw.setting(*hue) % 1.0, draw.setting(*saturation), draw.setting(*value)
    )
    return np.asarray(rgb, np.float32)


def painted(field: Array, base: Array) -> Array:
    """A brightness field [S,S] times a colour [3]: an image [S,S,3]."""
    return np.asarray(field[..., None] * base, np.float32)


def mixed(first: Array, second: Array, weight: Array) -> Array:
    """`first` where weight is 0, `second` where it is 1; images, colours or both."""
    return np.asarray(first + (second - first) * weight[..., None], np.float32)
