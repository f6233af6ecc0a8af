"""Rounding by its definition, in fractions; and what the step promises."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rounding import STEP, rounded, rounded_map

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-5, 5)


@given(numbers)
def test_it_is_the_nearest_multiple_and_of_two_the_even(value: float) -> None:
    step = Fraction(STEP)
    assert Fraction(rounded(value)) == round(Fraction(value) / step) * step


@given(st.floats(-5, 5, width=32), st.floats(-5, 5, width=32))
def test_sums_and_order_are_exact_in_float32_too(one: float, other: float) -> None:
    a, b = rounded(one), rounded(other)
    assert rounded(a) == a == float(np.float32(a))
    assert Fraction(a + b) == Fraction(a) + Fraction(b)
    assert float(np.float32(a) + np.float32(b)) == a + b
    assert rounded(a + b) == a + b
    if one <= other:
        assert a <= b


@given(st.lists(st.floats(-5, 5, width=32), min_size=1))
def test_a_map_is_rounded_as_its_values_are(values: list[float]) -> None:
    found = rounded_map(np.array(values, np.float32))
    assert found.dtype == np.float32
    assert found.tolist() == [rounded(value) for value in values]


def test_what_is_no_number() -> None:
    assert math.isnan(rounded(math.nan))
    assert np.isnan(rounded_map(np.array([np.nan], np.float32))).all()
    with pytest.raises(ValueError, match="domain"):
        rounded(math.inf)
