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

Point = tuple[float, float]
Damage = Callable[[Draw, Array, Point], tuple[Array, Array]]


def _blob(draw: Draw, side: int, centre: Point, radius: float, rough: float = 0.25) -> Array:
    """A filled irregular outline, 0..1 with soft borders of about one pixel."""
    angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    reach = np.ones(48)
    for order in range(2, 6):
        reach += (
            rough / order * draw.free(0.5, 1.5) * np.cos(order * angles + draw.free(0, 2 * math.pi))
        )
    stretch = draw.free(0.7, 1.0)
    turn = draw.free(0, math.pi)
    x, y = np.cos(angles) * reach * radius, np.sin(angles) * reach * radius * stretch
    points = np.stack(
        [
            centre[0] + x * math.cos(turn) - y * math.sin(turn),
            centre[1] + x * math.sin(turn) + y * math.cos(turn),
        ],
        axis=1,
    )
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    return np.asarray(mask, np.float32) / 255


def _path(draw: Draw, centre: Point, length: float, bend: float) -> Array:
    """A wandering line of 24 points through `centre`, [24, 2]."""
    heading = draw.free(0, 2 * math.pi) + np.cumsum(draw.normal(24) * bend)
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * (length / 24)
    points = np.cumsum(steps, axis=0)
    return np.asarray(points - points[12] + np.asarray(centre), np.float32)


def _stroke(side: int, points: Array, width: float, taper: bool = False) -> Array:
    """A line through `points` of `width` pixels, 0..1; thinner towards its ends with `taper`."""
    mask = np.zeros((side, side), np.uint8)
    fixed = np.round(points * 8).astype(np.int32)
    for index in range(len(fixed) - 1):
        share = math.sin(math.pi * (index + 0.5) / (len(fixed) - 1)) if taper else 1.0
        thick = max(1, round(width * max(share, 0.25)))
        cv2.line(mask, fixed[index].tolist(), fixed[index + 1].tolist(), 255, thick, cv2.LINE_AA, 3)
    return np.asarray(mask, np.float32) / 255


def _around(image: Array, mask: Array) -> tuple[Array, float]:
    """Mean colour [3] and brightness deviation of what lies under and near `mask`."""
    weight = blurred(mask, 6) + 1e-4
    total = float(weight.sum())
    mean = (image * weight[..., None]).sum(axis=(0, 1)) / total
    grey = image.mean(axis=2)
    spread = float(((grey - grey.mean()) ** 2 * weight).sum() / total) ** 0.5
    return np.asarray(mean, np.float32), spread


def _contrasting(draw: Draw, image: Array, mask: Array, dark: float = 0.5) -> Array:
    """A colour clearly brighter or darker (with odds `dark`) than what lies around `mask`."""
    mean, spread = _around(image, mask)
    level = float(mean.mean())
    gap = draw.setting(0.22, 0.45) + spread
    darker = draw.chance(dark)
    if level + gap > 1.0:
        darker = True
    elif level - gap < 0.0:
        darker = False
    tint = draw.normal(3) * draw.setting(0.0, 0.08)
    return np.asarray(np.clip(mean + (-gap if darker else gap) + tint, 0, 1), np.float32)


def scratch(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """One to three nearly straight lines."""
    side = len(image)
    mask = np.zeros((side, side), np.float32)
    first = _path(draw, centre, draw.setting(80, 220), draw.setting(0.0, 0.06))
    width = draw.setting(2.5, 6)
    for _ in range(draw.integer(1, 3)):
        shift = np.asarray([draw.free(-14, 14), draw.free(-14, 14)], np.float32)
        mask = np.maximum(mask, _stroke(side, first + shift, width, taper=True))
    return mixed(image, _contrasting(draw, image, mask, 0.4), mask), mask


def crack(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A jagged dark line with branches."""
    side = len(image)
    width, length = draw.setting(2.5, 5.5), draw.setting(100, 220)
    trunk = _path(draw, centre, length, draw.setting(0.3, 0.6))
    mask = _stroke(side, trunk, width, taper=True)
    for _ in range(draw.integer(1, 4)):
        at = trunk[draw.integer(4, 19)]
        branch = _path(draw, (0.0, 0.0), length * draw.free(0.3, 0.6), 0.5)
        mask = np.maximum(mask, _stroke(side, branch - branch[0] + at, width * 0.7))
    return mixed(image, _contrasting(draw, image, mask, 0.9), mask), mask


def hole(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A dark opening with a lit rim."""
    side, radius = len(image), draw.setting(11, 28)
    inner = _blob(draw, side, centre, radius, draw.setting(0.05, 0.3))
    halo = np.clip(blurred(inner, 2.0) * 2, 0, 1) * (1 - inner)
    rim = halo * (halo > 0.2)
    dark = colour(draw, saturation=(0.0, 0.4), value=(0.02, 0.2))
    if float(_around(image, inner)[0].mean()) < 0.3:
        dark = np.asarray(1 - dark, np.float32)
    depth = 1 + 0.2 * noise(draw, side, 12)
    damaged = mixed(image * (1 + draw.setting(0.1, 0.5) * rim)[..., None], dark, inner * depth)
    mask = np.asarray((inner > 0) | (rim > 0), np.float32)
    return np.where(mask[..., None] > 0, damaged, image), mask


def stain(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A translucent patch with a darker border, the surface showing through."""
    side, radius = len(image), draw.setting(20, 48)
    body = _blob(draw, side, centre, radius, draw.setting(0.2, 0.6))
    border = body * np.clip(1.6 - 1.6 * blurred(body, 3.0), 0, 1)
    tint = _contrasting(draw, image, body, 0.7) * colour(draw, value=(0.8, 1.0)) ** 0.5
    cover = np.clip(body * draw.setting(0.45, 0.8) + 0.3 * border, 0, 1) * (body > 0)
    return mixed(image, tint, cover.astype(np.float32)), body


def contamination(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A cluster of foreign particles."""
    side, spread = len(image), draw.setting(16, 34)
    mask = np.zeros((side, side), np.float32)
    large = draw.setting(3, 7)
    for _ in range(draw.integer(10, 30)):
        at = (centre[0] + draw.normal(1)[0] * spread, centre[1] + draw.normal(1)[0] * spread)
        mask = np.maximum(mask, _blob(draw, side, at, large * draw.free(0.5, 1.3), 0.4))
    grains = _contrasting(draw, image, mask) * (1 + 0.15 * noise(draw, side, 4))[..., None]
    return mixed(image, grains, mask), mask


def cut(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """An open slit: dark inside, one pale lip."""
    side, width = len(image), draw.setting(6, 14)
    line = _path(draw, centre, draw.setting(60, 150), draw.setting(0.0, 0.12))
    slit = _stroke(side, line, width, taper=True)
    lip = _stroke(side, line + np.asarray([1.5, -1.5], np.float32), width + 4, taper=True)
    damaged = mixed(image, np.clip(image + draw.setting(0.12, 0.35), 0, 1), lip * (1 - slit))
    return mixed(damaged, _contrasting(draw, image, slit, 0.85), slit), np.maximum(slit, lip)


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
    ground = _contrasting(draw, image, mask) * (1 + 0.04 * noise(draw, side, 3))[..., None]
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
    mask = _blob(draw, side, centre, radius, draw.setting(0.05, 0.4))
    if draw.chance(0.4):
        near = (centre[0] + draw.free(-45, 45), centre[1] + draw.free(-45, 45))
        mask = np.maximum(mask, _blob(draw, side, near, radius * draw.free(0.4, 0.9), 0.2))
    mean, _ = _around(image, mask)
    options = [colour(draw, saturation=(0.7, 1.0), value=(0.3, 0.95)) for _ in range(4)]
    paint = max(options, key=lambda option: float(np.abs(option - mean).sum()))
    return mixed(image, paint, mask * draw.setting(0.8, 1.0)), mask


def thread(draw: Draw, image: Array, centre: Point) -> tuple[Array, Array]:
    """A loose curly thread with its shadow."""
    side, width = len(image), draw.setting(2.5, 5.5)
    line = _path(draw, centre, draw.setting(120, 280), draw.setting(0.2, 0.45))
    mask = _stroke(side, line, width)
    shadow = _stroke(side, line + np.asarray([2.0, 2.0], np.float32), width)
    damaged = image * (1 - draw.setting(0.1, 0.4) * shadow)[..., None]
    strand = _contrasting(draw, image, mask, 0.4) * (1 + 0.1 * noise(draw, side, 3))[..., None]
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
