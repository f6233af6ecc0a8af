"""Outlines, strokes and inks that damage is drawn with.

Masks are [S,S] in 0..1 with borders softened over about one pixel. This file does not know which
kinds of damage exist.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from app.offline.synthetic.draw import Array, Draw
from app.offline.synthetic.fields import blurred

Point = tuple[float, float]
"""(x, y) in pixels."""


def blob(draw: Draw, side: int, centre: Point, radius: float, rough: float = 0.25) -> Array:
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


def path(draw: Draw, centre: Point, length: float, bend: float) -> Array:
    """A wandering line of 24 points through `centre`, [24, 2]."""
    heading = draw.free(0, 2 * math.pi) + np.cumsum(draw.normal(24) * bend)
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * (length / 24)
    points = np.cumsum(steps, axis=0)
    return np.asarray(points - points[12] + np.asarray(centre), np.float32)


def stroke(side: int, points: Array, width: float, taper: bool = False) -> Array:
    """A line through `points` of `width` pixels, 0..1; thinner towards its ends with `taper`."""
    mask = np.zeros((side, side), np.uint8)
    fixed = np.round(points * 8).astype(np.int32)
    for index in range(len(fixed) - 1):
        share = math.sin(math.pi * (index + 0.5) / (len(fixed) - 1)) if taper else 1.0
        thick = max(1, round(width * max(share, 0.25)))
        cv2.line(mask, fixed[index].tolist(), fixed[index + 1].tolist(), 255, thick, cv2.LINE_AA, 3)
    return np.asarray(mask, np.float32) / 255


def around(image: Array, mask: Array) -> tuple[Array, float]:
    """Mean colour [3] and brightness deviation of what lies under and near `mask`."""
    weight = blurred(mask, 6) + 1e-4
    total = float(weight.sum())
    mean = (image * weight[..., None]).sum(axis=(0, 1)) / total
    grey = image.mean(axis=2)
    spread = float(((grey - grey.mean()) ** 2 * weight).sum() / total) ** 0.5
    return np.asarray(mean, np.float32), spread


def contrasting(draw: Draw, image: Array, mask: Array, dark: float = 0.5) -> Array:
    """A colour clearly brighter or darker (with odds `dark`) than what lies around `mask`."""
    mean, spread = around(image, mask)
    level = float(mean.mean())
    gap = draw.setting(0.22, 0.45) + spread
    darker = draw.chance(dark)
    if level + gap > 1.0:
        darker = True
    elif level - gap < 0.0:
        darker = False
    tint = draw.normal(3) * draw.setting(0.0, 0.08)
    return np.asarray(np.clip(mean + (-gap if darker else gap) + tint, 0, 1), np.float32)
