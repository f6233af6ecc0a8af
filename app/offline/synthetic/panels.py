"""Flat panels and manufactured sheets that training may use.

Each function draws one good surface: an image [side, side, 3], float32, about 0..1, before light
and camera. Rivets, holes, seams, traces and printed stripes are normal here.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from app.offline.synthetic.draw import Array, Draw
from app.offline.synthetic.fields import (
    blurred,
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


def tile(draw: Draw, side: int) -> Array:
    """Square or oblong tiles with joints, each of slightly another shade."""
    pitch = draw.setting(40, 110)
    tall = pitch * draw.choice([1.0, 1.0, 0.5])
    u, v = coordinates(side, draw.free(-0.08, 0.08))
    u, v = u + draw.free(0, pitch), v + draw.free(0, tall)
    gap = draw.setting(1.5, 4)
    near = np.minimum(np.abs(cyclic(u, pitch)), np.abs(cyclic(v, tall)))
    shades = draw.uniforms(64)
    index = (np.round(u / pitch - 0.5) * 7 + np.round(v / tall - 0.5) * 3).astype(int) % 64
    shade = 1 + draw.setting(0.0, 0.12) * (shades[index] - 0.5) + 0.03 * octaves(draw, side, 30, 3)
    body = painted(shade.astype(np.float32), colour(draw, saturation=(0.0, 0.5), value=(0.4, 0.9)))
    joint = colour(draw, (0, 1), (0.0, 0.15), (0.2, 0.9))
    return mixed(body, joint, 1 - edge(near - gap, 1.2))


def brushed_metal(draw: Draw, side: int) -> Array:
    """Fine parallel brushing in one direction."""
    depth, length = draw.setting(0.03, 0.12), draw.setting(30, 120)

    def render(large: int) -> Array:
        fine = noise(draw, large, 1.2, length)
        return np.asarray(1 + depth * (fine + 0.6 * noise(draw, large, 3.0, length)), np.float32)

    shade = turned(draw, side, draw.free(0, math.pi), render)
    shade = shade * (1 + 0.05 * octaves(draw, side, 120, 1))
    return painted(shade, colour(draw, (0.0, 0.7), (0.0, 0.12), (0.4, 0.85)))


def sheet_metal(draw: Draw, side: int) -> Array:
    """Smooth rolled sheet, with seams and rows of rivets or without."""
    shade = 1 + 0.04 * octaves(draw, side, draw.setting(60, 120), 2)
    shade = shade + draw.setting(0.005, 0.03) * noise(draw, side, 1.5)
    pitch, angle = draw.setting(50, 110), draw.choice([0.0, math.pi / 2]) + draw.free(-0.05, 0.05)
    u, v = coordinates(side, angle)
    u, v = u + draw.free(0, pitch), v + draw.free(0, pitch)
    style = draw.integer(0, 2)
    if style:
        seam = np.abs(cyclic(u, pitch))
        shade = shade * (1 - draw.setting(0.2, 0.5) * (1 - edge(seam - 1.0, 1.2)))
    if style == 2:
        radius, step = draw.setting(2.5, 6), draw.setting(24, 48)
        far = np.hypot(cyclic(u, pitch) - radius - 6, cyclic(v, step))
        dome = np.clip(1 - far / radius, 0, 1).astype(np.float32)
        shade = shade * relief(draw, dome * radius * 0.6, 0.35)
    return painted(np.asarray(shade, np.float32), colour(draw, (0.5, 0.7), (0, 0.1), (0.45, 0.85)))


def painted_panel(draw: Draw, side: int) -> Array:
    """Lacquered sheet with faint orange peel: low contrast, any colour."""
    peel = octaves(draw, side, draw.setting(5, 14), 2)
    shade = relief(draw, peel, draw.setting(0.01, 0.08))
    return painted(shade, colour(draw, saturation=(0.0, 0.85), value=(0.3, 0.9)))


def printed_panel(draw: Draw, side: int) -> Array:
    """Stripes or a checker in two or three colours with sharp edges."""
    u, v = coordinates(side, draw.choice([0.0, 0.0, math.pi / 4]) + draw.free(-0.1, 0.1))
    pitch = draw.setting(18, 60)
    share = draw.setting(0.25, 0.75)
    bands = edge(np.abs(cyclic(u + draw.free(0, pitch), pitch)) - pitch * share / 2, 1.2)
    if draw.chance(0.35):
        other = edge(np.abs(cyclic(v, pitch)) - pitch * share / 2, 1.2)
        bands = np.abs(bands - other)
    first = colour(draw, saturation=(0.0, 0.7), value=(0.35, 0.95))
    second = colour(draw, saturation=(0.0, 0.8), value=(0.2, 0.95))
    sheet = mixed(np.broadcast_to(first, (side, side, 3)), second, bands)
    return sheet * (1 + 0.015 * noise(draw, side, 2))[..., None]


def rubber_mat(draw: Draw, side: int) -> Array:
    """Dark mat with round studs or straight ribs."""
    pitch = draw.setting(14, 36)
    u, v = coordinates(side, draw.choice([0.0, math.pi / 4]) + draw.free(-0.1, 0.1))
    if draw.chance(0.6):
        far = np.hypot(cyclic(u, pitch), cyclic(v, pitch))
        height = 1 - edge(far - pitch * draw.setting(0.2, 0.36), 3.0)
    else:
        height = edge(np.abs(cyclic(u, pitch)) - pitch * 0.25, 3.0)
    shade = relief(draw, height.astype(np.float32) * 3, draw.setting(0.2, 0.5))
    shade = shade * (1 + 0.04 * noise(draw, side, 2)) * (0.9 + 0.2 * height)
    return painted(np.asarray(shade, np.float32), colour(draw, (0, 1), (0, 0.4), (0.2, 0.5)))


def perforated_panel(draw: Draw, side: int) -> Array:
    """Sheet with a regular pattern of holes, all of one size."""
    pitch = draw.setting(16, 40)
    u, v = coordinates(side, draw.choice([0.0, math.pi / 4]) + draw.free(-0.08, 0.08))
    if draw.chance(0.5):
        u = u + pitch / 2 * (np.round(v / pitch) % 2)
    radius = pitch * draw.setting(0.18, 0.36)
    du, dv = cyclic(u, pitch), cyclic(v, pitch)
    far = np.maximum(np.abs(du), np.abs(dv)) if draw.chance(0.25) else np.hypot(du, dv)
    hole = 1 - edge(far.astype(np.float32) - radius, 1.5)
    sheet = painted(
        (1 + 0.03 * octaves(draw, side, 60, 4)).astype(np.float32),
        colour(draw, saturation=(0, 0.5), value=(0.5, 0.9)),
    )
    return mixed(sheet, colour(draw, (0, 1), (0, 0.3), (0.05, 0.25)), hole)


def mesh_grid(draw: Draw, side: int) -> Array:
    """Woven or welded wires over a plain ground."""
    pitch, angle = draw.setting(12, 30), draw.choice([0.0, math.pi / 4]) + draw.free(-0.1, 0.1)
    u, v = coordinates(side, angle)
    radius = pitch * draw.setting(0.1, 0.22)
    ground = colour(draw, (0, 1), (0, 0.3), (0.1, 0.9))
    wire = colour(draw, (0, 1), (0, 0.3), (0.3, 0.85))
    image = np.broadcast_to(ground, (side, side, 3)) * (1 + 0.02 * noise(draw, side, 3))[..., None]
    for position, along in ((u, v), (v, u)):
        sway = np.sin(math.pi * along / pitch) * pitch * 0.05
        off = np.abs(cyclic(position + sway.astype(np.float32), pitch))
        round_shade = 1.15 - 0.5 * np.clip(off / radius, 0, 1) ** 2
        image = mixed(
            image, painted(round_shade.astype(np.float32), wire), 1 - edge(off - radius, 1.2)
        )
    return image


def ribbed_panel(draw: Draw, side: int) -> Array:
    """Corrugated sheet: broad, regular, soft ridges."""
    u, _ = coordinates(side, draw.free(0, math.pi))
    ridge = wave(u, draw.setting(10, 40), draw.free(0, 1))
    shade = 1 - draw.setting(0.15, 0.5) * ridge + 0.02 * noise(draw, side, 2)
    return painted(shade.astype(np.float32), colour(draw, saturation=(0, 0.6), value=(0.4, 0.9)))


def solar_panel(draw: Draw, side: int) -> Array:
    """Dark cells with thin fingers, brighter busbars and gaps."""
    cell, fingers, bars = draw.setting(70, 130), draw.setting(4, 9), draw.setting(20, 40)
    u, v = coordinates(side, draw.choice([0.0, math.pi / 2]) + draw.free(-0.04, 0.04))
    u, v = u + draw.free(0, cell), v + draw.free(0, cell)
    base = colour(draw, (0.55, 0.68), (0.1, 0.7), (0.15, 0.5))
    shade = (1 + draw.setting(0.02, 0.1) * octaves(draw, side, 30, 3)).astype(np.float32)
    image = painted(shade, base)
    silver = np.full(3, draw.setting(0.5, 0.85), np.float32)
    image = mixed(image, silver, 0.25 * (1 - edge(np.abs(cyclic(v, fingers)) - 0.5, 1.0)))
    image = mixed(image, silver, 0.8 * (1 - edge(np.abs(cyclic(u, bars)) - 0.8, 1.0)))
    gap = np.minimum(np.abs(cyclic(u, cell)), np.abs(cyclic(v, cell)))
    return mixed(image, silver * draw.setting(0.3, 1.1), 1 - edge(gap - 1.5, 1.2))


def circuit_board(draw: Draw, side: int) -> Array:
    """Solder mask with parallel traces, pads in rows and a few chips."""
    mask = colour(draw, (0.25, 0.68), (0.4, 0.8), (0.2, 0.5))
    board = np.ascontiguousarray(np.broadcast_to(mask, (side, side, 3)), np.float32)
    trace = mask * draw.setting(1.2, 1.6)
    pitch = draw.integer(9, 15)
    upright = draw.chance(0.5)
    for offset in range(draw.integer(0, pitch), side, pitch):
        start, end = sorted((draw.integer(-60, side), draw.integer(0, side + 60)))
        line = ((offset, start), (offset, end)) if upright else ((start, offset), (end, offset))
        cv2.line(board, line[0], line[1], trace.tolist(), 2, cv2.LINE_AA)
    pad, copper = draw.setting(2, 3.6), colour(draw, (0.09, 0.15), (0.1, 0.5), (0.65, 0.9))
    for row in range(draw.integer(0, 30), side, draw.integer(40, 70)):
        for column in range(draw.integer(0, 12), side, draw.integer(10, 16)):
            cv2.circle(board, (column, row), round(pad), copper.tolist(), -1, cv2.LINE_AA)
    chip = np.full(3, draw.setting(0.08, 0.2), np.float32)
    for _ in range(draw.integer(1, 3)):
        x, y = draw.integer(0, side - 50), draw.integer(0, side - 40)
        wide, tall = draw.integer(25, 60), draw.integer(18, 45)
        for leg in range(x + 3, x + wide - 2, 7):
            cv2.line(board, (leg, y - 5), (leg, y + tall + 5), copper.tolist(), 2)
        cv2.rectangle(board, (x, y), (x + wide, y + tall), chip.tolist(), -1)
    return blurred(board, 0.5) * (1 + 0.03 * noise(draw, side, 2))[..., None]
