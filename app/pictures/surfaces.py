"""Pictures to quantise an encoder with where nobody gave any: generated surfaces, seeded.

Quantisation needs pictures for the range of every activation alone; what they have to be is
varied. Each is a field of coarse and fine structure, perhaps with a direction as wood has, in two
colours, often with a regular pattern, blobs of another colour, and uneven light.
"""

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]


def generated_picture(seed: int, side: int) -> NDArray[np.uint8]:
    """One surface, [side,side,3] RGB; equal arguments give equal pixels."""
    rng = np.random.default_rng(seed)
    low, high = rng.uniform(0.05, 0.95, (2, 3))
    picture = low + _structure(rng, side)[..., None] * (high - low)
    for paint in (_pattern, _blobs):
        if rng.random() < 0.5:
            picture = _mix(picture, paint(rng, side), rng)
    picture *= 1 + rng.uniform(0, 0.4) * (_plane(rng, side)[..., None] - 0.5)
    picture += rng.normal(0, 0.01, picture.shape)
    pixels: NDArray[np.uint8] = np.round(picture.clip(0, 1) * 255).astype(np.uint8)
    return pixels


def _structure(rng: np.random.Generator, side: int) -> Field:
    """Noise with a spectrum like a surface's, in [0,1]; by chance stretched in one direction."""
    rows, columns = np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij")
    frequency = np.hypot(rows * rng.choice([1, 1, 8]), columns * rng.choice([1, 1, 8]))
    frequency[0, 0] = np.inf  # no mean
    spectrum = np.fft.rfft2(rng.normal(size=(side, side))) / frequency ** rng.uniform(0.5, 2)
    return _unit(np.fft.irfft2(spectrum, s=(side, side)))


def _pattern(rng: np.random.Generator, side: int) -> Field:
    """Stripes, or with two directions a grid, in [0,1]."""
    period = rng.uniform(side / 40, side / 4)
    field = np.sin(_plane(rng, side) * side / period * 2 * np.pi)
    if rng.random() < 0.5:
        field *= np.sin(_plane(rng, side) * side / period * 2 * np.pi)
    return _unit(np.tanh(field * rng.uniform(1, 8)))


def _blobs(rng: np.random.Generator, side: int) -> Field:
    """One to six ellipses, 1 inside."""
    rows, columns = np.mgrid[:side, :side] / side
    field = np.zeros((side, side))
    for _ in range(rng.integers(1, 7)):
        (top, left), (height, width) = rng.uniform(0, 1, 2), rng.uniform(0.02, 0.4, 2)
        field[((rows - top) / height) ** 2 + ((columns - left) / width) ** 2 < 1] = 1
    return field


def _plane(rng: np.random.Generator, side: int) -> Field:
    """A slope in a random direction, in [0,1]."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:side, :side]
    return _unit(rows * np.sin(angle) + columns * np.cos(angle))


def _mix(picture: Field, where: Field, rng: np.random.Generator) -> Field:
    colour, strength = rng.uniform(0, 1, 3), rng.uniform(0.2, 1)
    mixed: Field = picture + strength * where[..., None] * (colour - picture)
    return mixed


def _unit(field: Field) -> Field:
    span = np.ptp(field)
    unit: Field = (field - field.min()) / span if span else np.zeros_like(field)
    return unit
