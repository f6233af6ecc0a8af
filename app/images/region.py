"""Region of interest of a category: outside it the anomaly map counts for nothing.

Polygons in shares of the upright picture's width and height, or a PNG mask stretched over the
picture. A map pixel counts when its centre is inside: of any polygon (each by the even-odd rule,
left and upper edges included), or of a mask pixel that counts. Knows nothing of maps, of how a
mask is encoded, of categories or HTTP.
"""

import base64
import hashlib
import json
import reprlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from app.errors import FieldError
from app.images.mask import mask_pixels, read_mask

Point = tuple[float, float]
Polygon = tuple[Point, ...]
Inside = NDArray[np.bool_]

MAX_POLYGONS, MAX_POINTS = 64, 1000
_FINEST = 1024  # pixels a side: no model's map is finer, so what it misses nothing finds
_PAIR = "a pair of shares of the width and height, each from 0 to 1 (not pixels)"


@dataclass(frozen=True)
class Roi:
    """Polygons of (x, y) in [0,1], or a mask as a PNG of one bit per pixel: exactly one of them.

    Raises ValueError for both or none. `parse_roi` checks the content.
    """

    polygons: tuple[Polygon, ...] = ()
    mask: bytes = b""

    def __post_init__(self) -> None:
        if bool(self.polygons) == bool(self.mask):
            raise ValueError("a region of interest is either polygons or a mask")

    def as_json(self) -> list[list[list[float]]] | str:
        """What `parse_roi` makes this same region of: a list of polygons, or base64 of the PNG."""
        if self.mask:
            return base64.b64encode(self.mask).decode("ascii")
        return [[list(point) for point in polygon] for polygon in self.polygons]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the content; of a mask the pixels, however they are compressed."""
        if not self.mask:
            return hashlib.sha256(json.dumps(self.as_json()).encode()).hexdigest()
        pixels = mask_pixels(self.mask)
        height, width = pixels.shape
        header = f"mask {width} x {height}\n".encode()
        return hashlib.sha256(header + np.packbits(pixels).tobytes()).hexdigest()


def parse_roi(value: object) -> Roi:
    """A list of polygons, one polygon, or a PNG mask in base64 (also as a data: URL) -> Roi.

    A polygon is a list of 3 or more [x, y], shares of the width and height in [0,1]; a last
    point that repeats the first is dropped. The mask's pixels are kept, its encoding is not.
    Raises FieldError for anything else, for more than MAX_POLYGONS or MAX_POINTS, for a mask over
    its limits (`app.images.mask`), and for a region with nothing inside.
    """
    if isinstance(value, str):
        return Roi(mask=read_mask(value))
    if isinstance(value, list | tuple):
        return _polygons(value)
    raise FieldError(
        f"roi: {_shown(value)} is neither; expected a list of polygons or a PNG mask in base64"
    )


@lru_cache(maxsize=128)
def inside(roi: Roi, side: int) -> Inside:
    """Which pixels of a map [S,S], S = side, count: bool [S,S], read-only and never all False.

    Kept once made; before, a large mask takes some 40 ms: an event loop asks in a thread.
    Raises FieldError where the region is so thin that it has no pixel's centre inside.
    """
    found = _of_mask(roi.mask, side) if roi.mask else _of_polygons(roi.polygons, side)
    if not found.any():
        raise FieldError(
            f"roi: has no pixel's centre inside at the map's {side} x {side} pixels; "
            "expected a larger region"
        )
    found.setflags(write=False)
    return found


def _of_polygons(polygons: tuple[Polygon, ...], side: int) -> Inside:
    found = np.zeros((side, side), np.bool_)
    for polygon in polygons:
        found |= _of_polygon(polygon, side)
    return found


def _of_polygon(polygon: Polygon, side: int) -> Inside:
    """Even-odd rule at the pixels' centres: every edge turns over what lies right of it."""
    start = np.array(polygon)
    end = np.roll(start, -1, axis=0)
    rows = (np.arange(side) + 0.5) / side
    edge, row = np.nonzero((start[:, 1:] <= rows) != (end[:, 1:] <= rows))
    (x0, y0), (x1, y1) = start[edge].T, end[edge].T
    crossing = x0 + (x1 - x0) * ((rows[row] - y0) / (y1 - y0))
    # Edges that lie on each other turn over the same pixels, however each of them rounds.
    column = np.ceil(np.round(crossing * side - 0.5, 9)).astype(np.int64).clip(0, side)
    turns = np.bincount(row * (side + 1) + column, minlength=side * (side + 1))
    odd: Inside = turns.reshape(side, side + 1)[:, :side].cumsum(axis=1) % 2 == 1
    return odd


def _of_mask(mask: bytes, side: int) -> Inside:
    pixels = mask_pixels(mask)
    row, column = ((2 * np.arange(side) + 1) * length // (2 * side) for length in pixels.shape)
    return pixels[np.ix_(row, column)]


def _polygons(value: list[object] | tuple[object, ...]) -> Roi:
    single = bool(value) and _is_pair(value[0])
    given = [value] if single else value
    if not 1 <= len(given) <= MAX_POLYGONS:
        raise FieldError(f"roi: {len(given)} polygons; expected 1 to {MAX_POLYGONS}")
    polygons: list[Polygon] = []
    for number, polygon in enumerate(given):
        name = "roi" if single else f"roi[{number}]"
        room = MAX_POINTS - sum(map(len, polygons))
        polygons.append(_polygon(polygon, name, room))
    if not _of_polygons(tuple(polygons), _FINEST).any():
        raise FieldError("roi: has nothing inside; expected a polygon with an area")
    return Roi(polygons=tuple(polygons))


def _polygon(value: object, name: str, room: int) -> Polygon:
    if not isinstance(value, list | tuple):
        raise FieldError(f"{name}: {_shown(value)} is no polygon; expected a list of [x, y]")
    if len(value) > room:  # before any of them is looked at
        raise FieldError(f"{name}: too many points; expected {MAX_POINTS} in all at most")
    points = [_point(point, f"{name}[{number}]") for number, point in enumerate(value)]
    if len(points) > 1 and points[0] == points[-1]:
        points.pop()
    if len(points) < 3:
        raise FieldError(f"{name}: has {len(points)} points; expected 3 or more")
    return tuple(points)


def _point(value: object, name: str) -> Point:
    if not isinstance(value, list | tuple) or not _is_pair(value):
        raise FieldError(f"{name}: {_shown(value)} is no point; expected {_PAIR}")
    if not all(0 <= share <= 1 for share in value):  # NaN is not either
        raise FieldError(f"{name}: {_shown(value)} is out of range; expected {_PAIR}")
    x, y = (abs(float(share)) for share in value)  # -0.0 is 0.0
    return x, y


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
    )


def _shown(value: object) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:  # Python refuses to print it
        return "a huge number"
