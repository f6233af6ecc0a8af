"""Surfaces that training never uses: for the benchmark only.

Each function draws one good surface: an image [side, side, 3], float32, about 0..1, before light
and camera. They share the low-level fields with the training kinds, not their designs.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from app.offline.synthetic.draw import Array, Draw
from app.offline.synthetic.fields import (
    blurred,
    cells,
    colour,
    coordinates,
    cyclic,
    mixed,
    noise,
    octaves,
    painted,
    relief,
)


def cork(draw: Draw, side: int) -> Array:
    """Pressed granules of several browns with dark crumbs between them."""
    shade = np.ones((side, side), np.float32)
    for size, weight in ((draw.setting(14, 24), 0.5), (draw.setting(5, 9), 0.35)):
        distance, value = cells(draw, side, size)
        shade = shade + weight * draw.setting(0.3, 0.6) * (value - 0.5)
        shade = shade - weight * 0.25 * np.exp(-distance / 1.2)
    crumbs = np.clip((noise(draw, side, 4) - 1.7) * 1.5, 0, 1)
    shade = blurred(shade, 0.7) * (1 - draw.setting(0.2, 0.45) * crumbs)
    shade = shade + 0.04 * noise(draw, side, 1.5)
    return painted(
        np.asarray(shade, np.float32), colour(draw, (0.06, 0.1), (0.35, 0.6), (0.6, 0.8))
    )


def felt(draw: Draw, side: int) -> Array:
    """Pressed fibres: thousands of short strokes in every direction."""
    base = colour(draw, saturation=(0.1, 0.7), value=(0.4, 0.8))
    canvas = np.full((side, side), 0.5, np.float32)
    count = round(draw.setting(1500, 3000))
    starts = draw.uniforms(count, 2) * (side + 40) - 20
    angles = draw.uniforms(count) * 2 * math.pi
    lengths = 8 + 22 * draw.uniforms(count)
    ends = starts + np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths[:, None]
    lines = np.round(np.stack([starts, ends], axis=1)).astype(np.int32)
    for part, level in enumerate((0.3, 0.4, 0.6, 0.7)):
        cv2.polylines(canvas, list(lines[part::4]), False, level, 1, cv2.LINE_AA)
    field = blurred(canvas, 0.5) - 0.5
    shade = 1 + draw.setting(0.4, 0.9) * field + 0.04 * octaves(draw, side, 50, 3)
    return painted(np.asarray(shade, np.float32), base)


def bamboo_mat(draw: Draw, side: int) -> Array:
    """Broad strips plaited over two and under two."""
    pitch = draw.setting(14, 30)
    u, v = coordinates(side, draw.choice([0.0, math.pi / 4]) + draw.free(-0.08, 0.08))
    column, row = np.round(u / pitch), np.round(v / pitch)
    upright = ((column + row) % 4 < 2).astype(np.float32)
    light = colour(draw, (0.08, 0.14), (0.25, 0.5), (0.6, 0.85))
    layers = []
    for across, index, streak in (
        (cyclic(u, pitch), column, noise(draw, side, 1.5, 20)),
        (cyclic(v, pitch), row, np.ascontiguousarray(noise(draw, side, 1.5, 20).T)),
    ):
        round_shade = 1 - draw.setting(0.2, 0.5) * (2 * across / pitch) ** 4
        tone = 1 + 0.08 * np.sin(index * 12.9)
        layers.append(painted(np.asarray(round_shade * tone + 0.04 * streak, np.float32), light))
    return mixed(layers[0], layers[1] * draw.setting(0.85, 1.1), upright)


def stucco(draw: Draw, side: int) -> Array:
    """Trowelled plaster: flattened bumps under raking light."""
    bumps = np.clip(octaves(draw, side, draw.setting(10, 20), 3), -0.4, 1.2)
    shade = relief(draw, np.asarray(bumps * 3, np.float32), draw.setting(0.1, 0.3))
    shade = shade * (1 + 0.02 * noise(draw, side, 1.5))
    return painted(shade, colour(draw, (0, 1), (0.0, 0.3), (0.5, 0.9)))
