"""Region of interest: what it takes, what it refuses, and which pixels of a map it keeps."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from app.errors import FieldError
from app.images.region import (
    MAX_POINTS,
    MAX_POLYGONS,
    Polygon,
    Roi,
    inside,
    parse_roi,
)

LEFT_HALF = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
TRIANGLE = [[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]
MASK = np.zeros((6, 8), np.uint8)
MASK[2:, 4:] = 1


def png(pixels: NDArray[Any] | Image.Image, **options: Any) -> str:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return base64.b64encode(file.getvalue()).decode()


def naive(polygon: Polygon, x: float, y: float) -> bool:
    """The textbook's ray to the right, point by point."""
    odd = False
    for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (y0 <= y) != (y1 <= y) and x < x0 + (x1 - x0) * (y - y0) / (y1 - y0):
            odd = not odd
    return odd


@pytest.mark.parametrize("side", [2, 7, 240])
def test_a_pixel_counts_when_its_centre_is_inside(side: int) -> None:
    found = inside(parse_roi([LEFT_HALF]), side)
    expected = (np.arange(side) + 0.5) / side < 0.5
    np.testing.assert_array_equal(found, np.broadcast_to(expected, (side, side)))


def test_neighbouring_polygons_share_no_pixel_and_leave_none_out() -> None:
    # At 7 pixels the middle row's centres are on the edge between the two.
    upper = inside(parse_roi([[0, 0], [1, 0], [1, 0.5], [0, 0.5]]), 7)
    lower = inside(parse_roi([[0, 0.5], [1, 0.5], [1, 1], [0, 1]]), 7)
    np.testing.assert_array_equal(upper, ~lower)


SHARES = st.integers(0, 64).map(lambda n: n / 64)
POLYGONS = st.lists(st.tuples(SHARES, SHARES), min_size=3, max_size=9).map(tuple)


@given(POLYGONS)
@example(((0.125, 0.125), (0.0, 0.09375), (0.34375, 0.34375), (0.0, 0.0)))
@example(((0.0, 0.0), (0.0, 0.0), (0.34375, 0.34375)))
def test_any_polygon_follows_the_even_odd_rule(polygon: Polygon) -> None:
    side = 13
    centres = (np.arange(side) + 0.5) / side
    # An edge may run through a centre, where rounding decides: those are left open.
    low, high = (
        np.array([[naive(polygon, x + shift, y) for x in centres] for y in centres])
        for shift in (-1e-9, 1e-9)
    )
    if not (low | high).any():
        with pytest.raises(FieldError, match="larger region"):
            inside(Roi(polygons=(polygon,)), side)
    elif (low & high).any():
        found = inside(Roi(polygons=(polygon,)), side)
        np.testing.assert_array_equal(found[low == high], low[low == high])


def test_several_polygons_are_a_union() -> None:
    right = [[1 - x, y] for x, y in LEFT_HALF]
    assert inside(parse_roi([LEFT_HALF, right]), 8).all()
    assert inside(parse_roi([LEFT_HALF, LEFT_HALF]), 8).sum() == 32


def test_a_mask_is_stretched_over_the_picture_and_read_at_the_centres() -> None:
    roi = parse_roi(png(MASK))
    expected = np.zeros((24, 24), bool)
    expected[8:, 12:] = True
    np.testing.assert_array_equal(inside(roi, 24), expected)
    np.testing.assert_array_equal(inside(roi, 3), expected[4::8, 4::8])


def test_the_answer_is_kept_and_cannot_be_written_to() -> None:
    found = inside(parse_roi(TRIANGLE), 16)
    assert inside(parse_roi([TRIANGLE]), 16) is found
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = True


@given(st.lists(POLYGONS, min_size=1, max_size=3))
def test_polygons_survive_a_round_trip(polygons: list[Polygon]) -> None:
    try:
        roi = parse_roi(polygons)
    except FieldError:  # without an area
        return
    assert parse_roi(roi.as_json()) == roi
    assert parse_roi(roi.as_json()).digest == roi.digest


@given(st.binary(min_size=1, max_size=40), st.integers(1, 40))
def test_masks_survive_a_round_trip(values: bytes, width: int) -> None:
    pixels = np.resize(np.frombuffer(values, np.uint8), (max(1, len(values) // width), width))
    if not pixels.any():
        return
    roi = parse_roi(png(pixels))
    assert parse_roi(roi.as_json()) == roi
    assert parse_roi(roi.as_json()).digest == roi.digest


def test_what_means_the_same_has_the_same_digest_and_nothing_else_has() -> None:
    closed = [*TRIANGLE, TRIANGLE[0]]
    same = [parse_roi(value) for value in (TRIANGLE, [TRIANGLE], tuple(map(tuple, closed)))]
    assert len(set(same)) == len({roi.digest for roi in same}) == 1
    assert (
        parse_roi([[0, -0.0], [1, 0], [1, 1]]).digest == parse_roi([[0, 0], [1, 0], [1, 1]]).digest
    )
    others = [
        parse_roi(value)
        for value in (
            TRIANGLE,
            LEFT_HALF,
            [LEFT_HALF, TRIANGLE],
            png(MASK),
            png(MASK.T),
            png(1 - MASK),
        )
    ]
    assert len({roi.digest for roi in others}) == len(others)
    assert len(same[0].digest) == 64


REFUSED: list[tuple[object, str]] = [
    (None, "None is neither; expected a list of polygons or a PNG mask"),
    ({"a": 1}, "is neither"),
    (True, "True is neither"),
    (10**5000, "a huge number is neither"),
    ([], "0 polygons; expected 1 to 64"),
    ([[]], r"roi\[0\]: has 0 points; expected 3 or more"),
    ([7], r"roi\[0\]: 7 is no polygon"),
    (["abc"], r"roi\[0\]: 'abc' is no polygon"),
    ([[[0, 0], [1, 1]]], r"roi\[0\]: has 2 points"),
    ([[0, 0], [1, 1], [0, 0]], "roi: has 2 points"),
    ([[0, 0], [1, 1], "x"], r"roi\[2\]: 'x' is no point"),
    ([[[0, 0], [1, 1], [1]]], r"roi\[0\]\[2\]: \[1\] is no point"),
    ([[[0, 0], [1, 1], [1, None]]], "is no point"),
    ([[[0, 0], [1, 1], [1, True]]], "is no point"),
    ([[[0, 0], [1, 1], [0, float("nan")]]], "nan.* is out of range"),
    ([[[0, 0], [1, 1], [0, float("inf")]]], "inf.* is out of range"),
    ([[[0, 0], [1, 1], [0, -0.01]]], "-0.01. is out of range"),
    ([[0, 0], [640, 0], [640, 480]], r"\[640, 0\] is out of range; .*shares.*\(not pixels\)"),
    ([[0, 0], [10**5000, 0], [1, 1]], "a huge number is out of range"),
    ([[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]], "has nothing inside"),
    ([LEFT_HALF] * (MAX_POLYGONS + 1), "65 polygons; expected 1 to 64"),
    ([[[0.5, 0.5]] * (MAX_POINTS + 1)], "too many points; expected 1000 in all"),
    ([LEFT_HALF, LEFT_HALF * 250], r"roi\[1\]: too many points"),
    ("bm8gcG5n", "is no PNG"),
]


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=[str(k) for k in range(len(REFUSED))])
def test_what_is_no_region_is_refused_with_its_reason(value: object, message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        parse_roi(value)
    assert str(caught.value).startswith("roi")
    assert len(str(caught.value)) < 250


def test_a_region_too_thin_for_the_maps_side_is_refused() -> None:
    thin = parse_roi([[0.5, 0], [0.503, 0], [0.503, 1], [0.5, 1]])
    assert inside(thin, 1024).any()
    with pytest.raises(FieldError, match="at the map's 16 x 16 pixels; expected a larger region"):
        inside(thin, 16)


def test_as_many_points_as_allowed() -> None:
    turns = np.linspace(0, 2 * np.pi, MAX_POINTS, endpoint=False)
    circle = [
        [0.5 + 0.4 * x, 0.5 + 0.4 * y] for x, y in zip(np.cos(turns), np.sin(turns), strict=True)
    ]
    circle = [[float(x), float(y)] for x, y in circle]
    assert inside(parse_roi(circle), 240).mean() == pytest.approx(np.pi * 0.16, abs=0.002)


@pytest.mark.parametrize("given_", [{}, {"polygons": (((0.0, 0.0),),), "mask": b"x"}])
def test_a_region_is_exactly_one_of_the_two(given_: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either polygons or a mask"):
        Roi(**given_)
