"""Regions against a flood fill written out, and their boxes at sizes that do not divide evenly."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.regions import MOST, Region, regions

Cell = tuple[int, int]
SIDE = 9
MAPS = arrays(np.float32, (SIDE, SIDE), elements=st.integers(-4, 4).map(float))
SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def flooded(above: NDArray[np.bool_]) -> Iterator[set[Cell]]:
    left = {(int(i), int(j)) for i, j in np.argwhere(above)}
    while left:
        edge = [left.pop()]
        found = set(edge)
        while edge:
            i, j = edge.pop()
            near = {(i + di, j + dj) for di in (-1, 0, 1) for dj in (-1, 0, 1)} & left
            left -= near
            found |= near
            edge.extend(near)
        yield found


@given(MAPS, st.integers(-4, 4), SIZES, st.none() | arrays(np.bool_, (SIDE, SIDE)))
def test_regions_are_what_a_flood_fill_finds(
    anomaly: NDArray[np.float32],
    threshold: int,
    size: tuple[int, int],
    inside: NDArray[np.bool_] | None,
) -> None:
    above = anomaly > threshold
    if inside is not None:
        above &= inside
    expected = []
    for cells in flooded(above):
        rows, columns = zip(*cells, strict=True)
        box = (
            int(np.floor(min(columns) * size[0] / SIDE)),
            int(np.floor(min(rows) * size[1] / SIDE)),
            int(np.ceil((max(columns) + 1) * size[0] / SIDE)),
            int(np.ceil((max(rows) + 1) * size[1] / SIDE)),
        )
        peak = max(float(anomaly[cell]) for cell in cells)
        expected.append(Region(box, len(cells) / SIDE**2, peak))
    found = regions(anomaly, threshold, size, inside)
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert found == sorted(found, key=lambda region: (-region.peak, -region.area))


@given(arrays(np.float32, (SIDE, SIDE), elements=st.floats(-1, 1, width=32)), SIZES)
def test_the_first_box_holds_the_peak_and_lies_in_the_picture(
    anomaly: NDArray[np.float32], size: tuple[int, int]
) -> None:
    found = regions(anomaly, -2.0, size)
    assert [region.box for region in found] == [(0, 0, *size)]
    found = regions(anomaly, float(np.median(anomaly)), size)
    for region in found:
        x0, y0, x1, y1 = region.box
        assert 0 <= x0 < x1 <= size[0]
        assert 0 <= y0 < y1 <= size[1]
    if found:
        assert found[0].peak == anomaly.max()
        peaks = np.argwhere(anomaly == anomaly.max())
        (x0, y0, x1, y1), (width, height) = found[0].box, size
        assert any(
            x0 <= (j + 0.5) * width / SIDE < x1 and y0 <= (i + 0.5) * height / SIDE < y1
            for i, j in peaks
        )


def test_corners_that_touch_are_one_region() -> None:
    anomaly = np.eye(4, dtype=np.float32)
    assert regions(anomaly, 0.5, (4, 4)) == [Region((0, 0, 4, 4), 0.25, 1.0)]


def test_the_threshold_itself_is_not_above_and_is_not_rounded() -> None:
    anomaly = np.full((2, 2), 0.1, np.float32)  # 0.1000000015 in truth
    assert regions(anomaly, float(anomaly[0, 0]), (2, 2)) == []
    assert len(regions(anomaly, 0.1, (2, 2))) == 1
    assert regions(anomaly, float("inf"), (2, 2)) == []


def test_what_is_not_a_number_is_above_nothing() -> None:
    anomaly = np.full((3, 3), np.nan, np.float32)
    anomaly[1, 1] = 2.0
    assert [region.peak for region in regions(anomaly, 0.0, (3, 3))] == [2.0]


def test_the_highest_hundred_of_many() -> None:
    anomaly = np.zeros((30, 30), np.float32)
    anomaly[::2, ::2] = np.arange(1, 226, dtype=np.float32).reshape(15, 15)
    found = regions(anomaly, 0.0, (30, 30))
    assert [region.peak for region in found] == [225.0 - k for k in range(MOST)]


def test_figures_are_plain_numbers() -> None:
    (region,) = regions(np.ones((2, 2), np.float32), 0.0, (5, 3))
    assert {type(value) for value in (*region.box, region.area, region.peak)} == {int, float}


@pytest.mark.parametrize("outside", [0, 1])
def test_outside_nothing_is_found(outside: int) -> None:
    anomaly = np.zeros((4, 4), np.float32)
    anomaly[outside, 2] = 1.0
    inside = np.ones((4, 4), bool)
    inside[outside] = False
    assert regions(anomaly, 0.5, (4, 4), inside) == []
