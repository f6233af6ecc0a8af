"""The step to which scores are rounded, once, where they are made.

The same picture gives slightly other figures in another batch: matrix products of another shape
add up in another order. Measured so far, by less than a hundredth of the step
(docs/reliability.md):

    ./scripts/bench batches

A power of two, so that rounding, adding two rounded figures and comparing them are exact in
float32 as in float64, and a figure survives being written down and read back. Knows nothing of
models or maps.
"""

import math

import numpy as np
from numpy.typing import NDArray

STEP = 2.0**-11


def rounded(value: float) -> float:
    """The nearest multiple of STEP, of two equally near ones the even; exactly.

    Of floats further apart than STEP all are multiples. Not a number stays that. Raises ValueError
    for an infinite value.
    """
    return value - math.remainder(value, STEP)


def rounded_map(anomaly: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every value of a map as `rounded` rounds it; not a number stays that."""
    steps: NDArray[np.float32] = np.rint(anomaly / np.float32(STEP))
    return steps * np.float32(STEP)
