"""Natural and fibrous surfaces that training may use.

Each function draws one good surface: an image [side, side, 3], float32, about 0..1, before light
and camera. Some are hard on purpose: veins, wales and printed lines are normal here.
"""

from __future__ import annotations

import math

import numpy as np

from app.offline.synthetic.draw import Array, Draw
from app.offline.synthetic.fields import (
    blurred,
    cells,
    colour,
    coordinates,
    cyclic,
    edge,
    mixed,
    noise,
    octaves,
    painted,
    relief,
    turned,
    wave,
)


def carpet(draw: Draw, side: int) -> Array:
    """Cut pile: coarse speckle with light from one side, two yarn colours."""
    pile = octaves(draw, side, draw.setting(3, 7), 3, 0.7)
    shade = relief(draw, pile, draw.setting(0.15, 0.4)) * (1 + 0.08 * pile)
    base = colour(draw, saturation=(0.1, 0.6), value=(0.3, 0.75))
    other = base * draw.setting(0.7, 1.2)
    speckle = edge(noise(draw, side, draw.setting(2, 5)) - draw.setting(0.2, 1.5), 0.6)
    return mixed(painted(shade, base), painted(shade, other), speckle)


def leather(draw: Draw, side: int) -> Array:
    """Grained hide: small cells with darker furrows."""
    distance, value = cells(draw, side, draw.setting(6, 16))
    furrow = np.exp(-distance / draw.setting(0.8, 1.8))
    height = blurred(np.minimum(distance, 4.0).astype(np.float32), 0.7)
    shade = relief(draw, height, draw.setting(0.08, 0.25)) * (1 - draw.setting(0.15, 0.4) * furrow)
    shade = shade * (1 + 0.05 * (value - 0.5)) * (1 + 0.04 * octaves(draw, side, 60, 2))
    return painted(shade, colour(draw, (0.0, 0.12), (0.2, 0.7), (0.25, 0.75)))


def wood(draw: Draw, side: int) -> Array:
    """Boards with stretched grain, sometimes with joints between them."""
    period, bend = draw.setting(8, 30), draw.setting(0.2, 1.2)
    angle = draw.choice([0.0, math.pi / 2]) + draw.free(-0.15, 0.15)
    width = draw.setting(50, 120) if draw.chance(0.5) else 0.0
    depth = draw.setting(0.08, 0.22)
    light = colour(draw, (0.05, 0.12), (0.25, 0.65), (0.5, 0.9))

    def render(large: int) -> Array:
        u, _ = coordinates(large)
        board = np.floor(u / width) if width else np.zeros_like(u)
        drift = noise(draw, large, 40, 6.0) * bend * period * 0.6
        rings = wave(u + drift + board * 37.0, period)
        fibre = noise(draw, large, 2.0, 20.0)
        shade = 1 - depth * rings + 0.05 * fibre + 0.05 * np.sin(board * 5.3)
        if width:
            shade = shade * (0.55 + 0.45 * edge(np.abs(cyclic(u, width)) - 1.5, 1.5))
        return np.asarray(shade, np.float32)

    return painted(turned(draw, side, angle, render), light)


def concrete(draw: Draw, side: int) -> Array:
    """Cloudy grey with fine grain and small pores."""
    shade = 1 + draw.setting(0.03, 0.1) * octaves(draw, side, draw.setting(40, 90), 5, 0.6)
    shade += draw.setting(0.01, 0.06) * noise(draw, side, 1.5)
    pores = edge(noise(draw, side, draw.setting(2.5, 4.5)) - draw.setting(2.1, 2.8), 0.4)
    shade = shade * (1 - draw.setting(0.1, 0.35) * pores)
    return painted(shade.astype(np.float32), colour(draw, (0, 1), (0.0, 0.12), (0.35, 0.8)))


def marble(draw: Draw, side: int) -> Array:
    """Polished stone whose veins are normal: many, soft, wavy and all over."""
    warp = octaves(draw, side, draw.setting(50, 100), 4, 0.5)
    angle = draw.free(0, math.pi)
    u, _ = coordinates(side, angle)
    veins = 1 - np.abs(np.sin(u / draw.setting(9, 22) + warp * draw.setting(1.0, 2.5)))
    veins = veins ** draw.setting(2, 6)
    stone = colour(draw, (0, 1), (0.02, 0.25), (0.6, 0.95))
    vein = stone * draw.setting(0.5, 0.8)
    body = painted((1 + 0.04 * octaves(draw, side, 30, 4)).astype(np.float32), stone)
    return mixed(body, vein, (draw.setting(0.3, 0.8) * veins).astype(np.float32))


def asphalt(draw: Draw, side: int) -> Array:
    """Bound grains of many greys."""
    distance, value = cells(draw, side, draw.setting(5, 12))
    spread = draw.setting(0.2, 0.5)
    shade = (1 + spread * (value - 0.5)) * (0.8 + 0.2 * np.clip(distance / 2, 0, 1))
    shade = blurred(shade.astype(np.float32), 0.6) + 0.04 * noise(draw, side, 1.5)
    return painted(shade, colour(draw, (0, 1), (0.0, 0.1), (0.25, 0.6)))


def paper(draw: Draw, side: int) -> Array:
    """Nearly flat sheet with fine fibres, often ruled or squared with printed lines."""
    shade = 1 + draw.setting(0.01, 0.04) * octaves(draw, side, 6, 3, 0.8)
    sheet = painted(shade.astype(np.float32), colour(draw, (0, 1), (0.0, 0.2), (0.65, 0.95)))
    if draw.chance(0.6):
        u, v = coordinates(side, draw.free(-0.1, 0.1))
        pitch, width = draw.setting(12, 36), draw.setting(0.6, 1.6)
        lines = 1 - edge(np.abs(cyclic(v, pitch)) - width, 1.0)
        if draw.chance(0.5):
            lines = np.maximum(lines, 1 - edge(np.abs(cyclic(u, pitch)) - width, 1.0))
        ink = colour(draw, (0, 1), (0.2, 0.7), (0.3, 0.7))
        sheet = mixed(sheet, ink, draw.setting(0.3, 0.8) * lines)
    return sheet


def fabric(draw: Draw, side: int) -> Array:
    """Plain weave of two yarns, from fine shirting to coarse linen."""
    pitch, angle = draw.setting(4, 12), draw.free(-0.3, 0.3)
    u, v = coordinates(side, angle)
    u = u + noise(draw, side, 30) * 0.08 * pitch
    v = v + noise(draw, side, 30) * 0.08 * pitch
    over = (np.floor(u / pitch) + np.floor(v / pitch)) % 2
    across = np.abs(np.sin(math.pi * u / pitch)).astype(np.float32)
    along = np.abs(np.sin(math.pi * v / pitch)).astype(np.float32)
    depth = draw.setting(0.25, 0.6)
    warp_shade = (1 - depth) + depth * across * (0.5 + 0.5 * along)
    weft_shade = (1 - depth) + depth * along * (0.5 + 0.5 * across)
    first = colour(draw, saturation=(0.05, 0.6), value=(0.35, 0.9))
    second = first if draw.chance(0.5) else first * draw.setting(0.6, 1.2)
    grain = 1 + 0.05 * noise(draw, side, 2)
    return mixed(
        painted(np.asarray(warp_shade * grain, np.float32), first),
        painted(np.asarray(weft_shade * grain, np.float32), second),
        over.astype(np.float32),
    )


def denim(draw: Draw, side: int) -> Array:
    """Twill: fine diagonal ribs with pale flecks."""
    pitch = draw.setting(4, 9)
    u, v = coordinates(side, draw.free(-0.2, 0.2))
    ribs = wave(u + v + noise(draw, side, 25) * 0.1 * pitch, pitch * 1.4)
    shade = 0.75 + draw.setting(0.1, 0.35) * ribs + 0.05 * noise(draw, side, 2.0, 4.0)
    flecks = edge(noise(draw, side, 2.0, 3.0) - draw.setting(1.0, 1.8), 0.6) * ribs
    cloth = painted(shade.astype(np.float32), colour(draw, (0.5, 0.7), (0.2, 0.65), (0.35, 0.75)))
    return mixed(cloth, np.full(3, 0.8, np.float32), draw.setting(0.1, 0.4) * flecks)


def knitwear(draw: Draw, side: int) -> Array:
    """Rows of V-shaped stitches."""
    width, tall = draw.setting(9, 20), draw.setting(0.6, 1.0)
    u, v = coordinates(side, draw.free(-0.2, 0.2))
    u = u + noise(draw, side, 40) * 0.06 * width
    across = np.abs(cyclic(u, width)) / (width / 2)
    rise = v + (1 - across) * width * 0.45
    stitch = np.abs(np.sin(math.pi * rise / (width * tall)))
    shade = 1 - draw.setting(0.3, 0.6) * (1 - stitch**0.7)
    shade = shade * (0.75 + 0.25 * np.sin(math.pi * across))
    shade = shade + 0.05 * noise(draw, side, 2)
    return painted(np.asarray(shade, np.float32), colour(draw, saturation=(0.1, 0.6)))
