"""Single objects that neither the demo backbone nor the linear heads ever see: to test heads on.

Each function draws one good object: (image [side, side, 3], region [side, side] in 0..1 where the
object lies), float32, before light and camera.
"""

from __future__ import annotations

import math

import numpy as np

from app.offline.synthetic.draw import Array, Draw
from app.offline.synthetic.fields import colour, edge, mixed, noise, painted, relief
from app.offline.synthetic.objects import ground, metal, placed


def gear(draw: Draw, side: int) -> tuple[Array, Array]:
    """A toothed wheel with a bore and round windows in its web."""
    u, v = placed(draw, side)
    far, angle = np.hypot(u, v).astype(np.float32), np.arctan2(v, u)
    outer, teeth = side * draw.setting(0.32, 0.41), draw.integer(12, 20)
    flank = np.clip(3 * np.cos(teeth * angle), -1, 1)
    border = outer * (1 - draw.setting(0.06, 0.1) * (1 - flank))
    solid = edge((border - far).astype(np.float32), 1.5) * edge(far - outer * 0.2, 1.5)
    windows, reach = draw.integer(4, 6), outer * 0.5
    size = reach * math.sin(math.pi / windows) * draw.setting(0.45, 0.7)
    turn = (angle + math.pi) % (2 * math.pi / windows) - math.pi / windows
    nearest = np.hypot(far * np.cos(turn) - reach, far * np.sin(turn)).astype(np.float32)
    region = solid * edge(nearest - size, 1.5)
    body = metal(draw, side, region * 3 + 1.5 * edge(far - outer * 0.74, 2.0))
    return mixed(ground(draw, side), body, region), region


def button(draw: Draw, side: int) -> tuple[Array, Array]:
    """A glossy sewing button: a raised rim and two or four holes."""
    u, v = placed(draw, side)
    far = np.hypot(u, v).astype(np.float32)
    outer = side * draw.setting(0.28, 0.4)
    count, reach = draw.choice([2, 4]), outer * draw.setting(0.2, 0.28)
    hole = outer * draw.setting(0.08, 0.11)
    region = edge(outer - far, 1.5)
    for index in range(count):
        at = 2 * math.pi * index / count
        away = np.hypot(u - reach * math.cos(at), v - reach * math.sin(at))
        region = region * edge((away - hole).astype(np.float32), 1.5)
    rim = 4 * np.exp(-(((far - outer * 0.82) / (outer * 0.1)) ** 2))
    shade = relief(draw, (rim + 2 * region).astype(np.float32), 0.35)
    pearl = 1 + 0.05 * noise(draw, side, draw.setting(25, 60))
    base = colour(draw, saturation=(0.3, 0.85), value=(0.35, 0.9))
    body = painted(np.asarray(shade * pearl, np.float32), base)
    return mixed(ground(draw, side), body, region), region


def bottle_cap(draw: Draw, side: int) -> tuple[Array, Array]:
    """A crown cap from above: a crimped metal skirt around a printed top."""
    u, v = placed(draw, side)
    far, angle = np.hypot(u, v).astype(np.float32), np.arctan2(v, u)
    outer = side * draw.setting(0.3, 0.42)
    crimps = 0.5 + 0.5 * np.cos(21 * angle)  # a crown cap has 21
    region = edge((outer * (0.94 + 0.06 * crimps) - far).astype(np.float32), 1.5)
    top = edge(outer * 0.76 - far, 2.0)
    skirt = metal(draw, side, ((1 - top) * 3 * crimps + 2 * region).astype(np.float32))
    paint = colour(draw, saturation=(0.5, 0.95), value=(0.4, 0.9))
    print_colour = colour(draw, saturation=(0.0, 0.4), value=(0.75, 1.0))
    band = edge(outer * 0.68 - far, 1.5) * edge(far - outer * draw.setting(0.52, 0.6), 1.5)
    bars = edge(outer * 0.4 - far, 1.5) * edge(
        (np.abs(v) - outer * draw.setting(0.06, 0.14)).astype(np.float32), 1.5
    )
    printed = mixed(np.broadcast_to(paint, (side, side, 3)), print_colour, np.maximum(band, bars))
    gloss = relief(draw, np.asarray(top * 2, np.float32), 0.2)
    body = mixed(skirt, printed * gloss[..., None], top)
    return mixed(ground(draw, side), np.asarray(body, np.float32), region), region
