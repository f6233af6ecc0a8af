"""Single objects on a plain ground: the backbone never sees them, linear heads may.

Each function draws one good object: (image [side, side, 3], region [side, side] in 0..1 where the
object lies), float32, before light and camera.
"""

from __future__ import annotations

import math

import numpy as np

from app.offline.synthetic.draw import Array, Draw
from app.offline.synthetic.fields import (
    colour,
    coordinates,
    edge,
    mixed,
    noise,
    octaves,
    painted,
    relief,
)


def ground(draw: Draw, side: int) -> Array:
    """What an object lies on: a dull, nearly even surface [side, side, 3]."""
    base = colour(draw, saturation=(0, 0.4), value=(0.15, 0.9))
    return painted((1 + 0.03 * octaves(draw, side, 40, 3)).astype(np.float32), base)


def placed(draw: Draw, side: int) -> tuple[Array, Array]:
    """Coordinates (u, v), each [side, side], about an object's centre, turned at will."""
    u, v = coordinates(side, draw.free(0, 2 * math.pi))
    return u + draw.free(-12, 12), v + draw.free(-12, 12)


def metal(draw: Draw, side: int, height: Array) -> Array:
    """Bare metal [side, side, 3] of this height field, lit from one side."""
    shade = relief(draw, height, 0.3) * (1 + 0.02 * noise(draw, side, 1.5))
    return painted(shade, colour(draw, (0.05, 0.65), (0.0, 0.3), (0.5, 0.85)))


def washer(draw: Draw, side: int) -> tuple[Array, Array]:
    """A flat ring."""
    u, v = placed(draw, side)
    far = np.hypot(u, v).astype(np.float32)
    outer = side * draw.setting(0.28, 0.4)
    inner = outer * draw.setting(0.35, 0.6)
    region = edge(outer - far, 1.5) * edge(far - inner, 1.5)
    return mixed(ground(draw, side), metal(draw, side, region * 3), region), region


def nut(draw: Draw, side: int) -> tuple[Array, Array]:
    """A hexagonal nut."""
    u, v = placed(draw, side)
    angle = np.arctan2(v, u)
    far = np.hypot(u, v)
    flat = far * np.cos((angle % (math.pi / 3)) - math.pi / 6)
    outer = side * draw.setting(0.26, 0.38)
    inner = outer * draw.setting(0.45, 0.65)
    region = edge((outer - flat).astype(np.float32), 1.5) * edge(
        (far - inner).astype(np.float32), 1.5
    )
    return mixed(ground(draw, side), metal(draw, side, region * 3), region), region


def coin(draw: Draw, side: int) -> tuple[Array, Array]:
    """A disc with a rim and a struck star."""
    u, v = placed(draw, side)
    far, angle = np.hypot(u, v).astype(np.float32), np.arctan2(v, u)
    outer = side * draw.setting(0.28, 0.42)
    region = edge(outer - far, 1.5)
    star = outer * (0.4 + 0.15 * np.cos(draw.integer(4, 8) * angle))
    height = 2 * edge(far - outer * 0.88, 2.0) + 2 * edge((star - far).astype(np.float32), 2.0)
    return mixed(ground(draw, side), metal(draw, side, height), region), region


def capsule(draw: Draw, side: int) -> tuple[Array, Array]:
    """A two-coloured capsule."""
    u, v = placed(draw, side)
    radius, half = side * draw.setting(0.12, 0.18), side * draw.setting(0.14, 0.24)
    far = np.hypot(np.maximum(np.abs(u) - half, 0), v).astype(np.float32)
    region = edge(radius - far, 1.5)
    round_shade = 1.1 - 0.5 * np.clip(far / radius, 0, 1) ** 2
    left = painted(round_shade.astype(np.float32), colour(draw, value=(0.5, 0.95)))
    right = painted(round_shade.astype(np.float32), colour(draw, value=(0.5, 0.95)))
    body = mixed(left, right, edge(u.astype(np.float32), 1.5))
    return mixed(ground(draw, side), body, region), region
