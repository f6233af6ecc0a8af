"""Ten kinds of damage, drawn onto a good surface.

Each function takes (draw, image [S,S,3], centre (x, y)) and returns (image, mask): the damaged
image and where it was touched, [S,S] in 0..1. Outside mask > 0 the image is unchanged. Ink, holes
and cuts are given a colour that differs from what lies around them by more than that surface's
own variation, so that a person would call each of them plainly visible.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from app.offline.synthetic.draw import Array, Draw
from app.offline.synthetic.fields import blurred, colour, edge, mixed, noise
from app.offline.synthetic.shapes import Point, around, blob, contrasting, path, stroke

Damage = Callable[[Draw, Array, Point], tuple[Array, Array]]


def scratch(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """One to three nearly straight lines."""
    side = len(image)
    mask = np.zeros((side, side), np.float32)
    first = path(draw, centre, draw.setting(80, 220), draw.setting(0.0, 0.06))
    width = draw.setting(2.5, 6)
    for _ in range(draw.integer(1, 3)):
        shift = np.asarray([draw.free(-14, 14), draw.free(-14, 14)], np.float32)
        mask = np.maximum(mask, stroke(side, first + shift, width, taper=True))
    return mixed(image, contrasting(draw, image, mask, 0.4), mask), mask


def crack(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A jagged dark line with branches."""
    side = len(image)
    width, length = draw.setting(2.5, 5.5), draw.setting(100, 220)
    trunk = path(draw, centre, length, draw.setting(0.3, 0.6))
    mask = stroke(side, trunk, width, taper=True)
    for _ in range(draw.integer(1, 4)):
        at = trunk[draw.integer(4, 19)]
        branch = path(draw, (0.0, 0.0), length * draw.free(0.3, 0.6), 0.5)
        mask = np.maximum(mask, stroke(side, branch - branch[0] + at, width * 0.7))
    return mixed(image, contrasting(draw, image, mask, 0.9), mask), mask


def hole(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A dark opening with a lit rim."""
    side, radius = len(image), draw.setting(11, 28)
    inner = blob(draw, side, centre, radius, draw.setting(0.05, 0.3))
    halo = np.clip(blurred(inner, 2.0) * 2, 0, 1) * (1 - inner)
    rim = halo * (halo > 0.2)
    dark = colour(draw, saturation=(0.0, 0.4), value=(0.02, 0.2))
    if float(around(image, inner)[0].mean()) < 0.3:
        dark = np.asarray(1 - dark, np.float32)
    depth = 1 + 0.2 * noise(draw, side, 12)
    damaged = mixed(image * (1 + draw.setting(0.1, 0.5) * rim)[..., None], dark, inner * depth)
    mask = np.asarray((inner > 0) | (rim > 0), np.float32)
    return np.where(mask[..., None] > 0, damaged, image), mask


def stain(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A translucent patch with a darker border, the surface showing through."""
    side, radius = len(image), draw.setting(20, 48)
    body = blob(draw, side, centre, radius, draw.setting(0.2, 0.6))
    border = body * np.clip(1.6 - 1.6 * blurred(body, 3.0), 0, 1)
    tint = contrasting(draw, image, body, 0.7) * colour(draw, value=(0.8, 1.0)) ** 0.5
    cover = np.clip(body * draw.setting(0.45, 0.8) + 0.3 * border, 0, 1) * (body > 0)
    return mixed(image, tint, cover.astype(np.float32)), body


def contamination(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A cluster of foreign particles."""
    side, spread = len(image), draw.setting(16, 34)
    mask = np.zeros((side, side), np.float32)
    large = draw.setting(3, 7)
    for _ in range(draw.integer(10, 30)):
        at = (centre[0] + draw.normal(1)[0] * spread, centre[1] + draw.normal(1)[0] * spread)
        mask = np.maximum(mask, blob(draw, side, at, large * draw.free(0.5, 1.3), 0.4))
    grains = contrasting(draw, image, mask) * (1 + 0.15 * noise(draw, side, 4))[..., None]
    return mixed(image, grains, mask), mask


def cut(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """An open slit: dark inside, one pale lip."""
    side, width = len(image), draw.setting(6, 14)
    line = path(draw, centre, draw.setting(60, 150), draw.setting(0.0, 0.12))
    slit = stroke(side, line, width, taper=True)
    lip = stroke(side, line + np.asarray([1.5, -1.5], np.float32), width + 4, taper=True)
    damaged = mixed(image, np.clip(image + draw.setting(0.12, 0.35), 0, 1), lip * (1 - slit))
    return mixed(damaged, contrasting(draw, image, slit, 0.85), slit), np.maximum(slit, lip)


def missing_piece(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A piece broken out: a plain ground shows, with a shadow along its border."""
    side = len(image)
    count = draw.integer(4, 7)
    angles = np.sort(draw.uniforms(count)) * 2 * math.pi
    reach = draw.setting(26, 52) * (0.7 + 0.5 * draw.uniforms(count))
    points = np.stack(
        [centre[0] + reach * np.cos(angles), centre[1] + reach * np.sin(angles)], axis=1
    )
    solid = np.zeros((side, side), np.uint8)
    hull = cv2.convexHull(np.round(points * 8).astype(np.int32))
    cv2.fillPoly(solid, [hull], 255, cv2.LINE_AA, 3)
    mask = np.asarray(solid, np.float32) / 255
    ground = contrasting(draw, image, mask) * (1 + 0.04 * noise(draw, side, 3))[..., None]
    shadow = 1 - draw.setting(0.3, 0.6) * np.clip(2 - 2 * blurred(mask, 3), 0, 1)
    return mixed(image, np.asarray(ground * shadow[..., None], np.float32), mask), mask


def dent(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A pressed place: the surface is pulled inwards, lit on one side and dark on the other."""
    side, radius = len(image), draw.setting(22, 44)
    axis = np.arange(side, dtype=np.float32)
    dx, dy = axis[None, :] - centre[0], axis[:, None] - centre[1]
    far = np.sqrt(dx**2 + dy**2) / radius
    bowl = np.clip(1 - far**2, 0, 1).astype(np.float32)
    pull = 1 - draw.setting(0.15, 0.45) * bowl
    map_x, map_y = (centre[0] + dx * pull), (centre[1] + dy * pull)
    bent = cv2.remap(
        image, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    angle = draw.free(0, 2 * math.pi)
    slope = (dx * math.cos(angle) + dy * math.sin(angle)) / radius
    light = draw.setting(0.8, 1.6) * slope * bowl * 1.6
    shaded = np.clip(bent * (1 + light)[..., None] + 0.12 * light[..., None], 0, 1)
    mask = edge(bowl - 0.12, 0.1)
    return mixed(image, np.asarray(shaded, np.float32), mask), mask


def colour_spot(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A saturated spot or two of paint, of a hue far from the surface's."""
    side, radius = len(image), draw.setting(11, 26)
    mask = blob(draw, side, centre, radius, draw.setting(0.05, 0.4))
    if draw.chance(0.4):
        near = (centre[0] + draw.free(-45, 45), centre[1] + draw.free(-45, 45))
        mask = np.maximum(mask, blob(draw, side, near, radius * draw.free(0.4, 0.9), 0.2))
    mean, _ = around(image, mask)
    options = [colour(draw, saturation=(0.7, 1.0), value=(0.3, 0.95)) for _ in range(4)]
    paint = max(options, key=lambda option: float(np.abs(option - mean).sum()))
    return mixed(image, paint, mask * draw.setting(0.8, 1.0)), mask


def thread(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A loose curly thread with its shadow."""
    side, width = len(image), draw.setting(2.5, 5.5)
    line = path(draw, centre, draw.setting(120, 280), draw.setting(0.2, 0.45))
    mask = stroke(side, line, width)
    shadow = stroke(side, line + np.asarray([2.0, 2.0], np.float32), width)
    damaged = image * (1 - draw.setting(0.1, 0.4) * shadow)[..., None]
    strand = contrasting(draw, image, mask, 0.4) * (1 + 0.1 * noise(draw, side, 3))[..., None]
    return mixed(damaged, strand, mask), np.maximum(mask, shadow)


DEFECTS: dict[str, Damage] = {
    "scratch": scratch,
    "crack": crack,
    "hole": hole,
    "stain": stain,
    "contamination": contamination,
    "cut": cut,
    "missing piece": missing_piece,
    "dent": dent,
    "colour spot": colour_spot,
    "thread": thread,
}
"""Every defect by its name."""
