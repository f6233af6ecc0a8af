"""The step to which scores are rounded, once, where they are made.

The same picture gives slightly other figures in another batch: matrix products of another shape
add up in another order. Measured, by far less than a hundredth of the step:

    python scripts/bench batches

A power of two, so that rounding, adding two rounded figures and comparing them are exact in
float32 as in float64, and a figure survives being written down and read back. Knows nothing of
models or maps.
"""

import math

STEP = 2.0**-12


def rounded(value: float) -> float:
    """The nearest multiple of STEP, of two equally near ones the even; None of it depends on size.

    Larger figures lose nothing: where floats are further apart than STEP, all are multiples. No
    number stays no number. Raises ValueError for an infinite value.
    """
    return value - math.remainder(value, STEP)
