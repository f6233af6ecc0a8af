"""What is shown of a map goes by the figures that decide."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.calibration import Calibration
from app.presentation import Frame, Presenter
from app.rounding import STEP, rounded

SIDE = 5
NO_HEATMAP = Frame((40, 30), None, None)


@given(arrays(np.float32, (SIDE, SIDE), elements=st.floats(-1, 1, width=32)), st.integers(-1, 1))
def test_there_are_regions_exactly_where_the_map_s_part_lies_above_its_threshold(
    anomaly: NDArray[np.float32], steps: int
) -> None:
    """Whether it does must not rest on digits that change with the batch."""
    part = rounded(float(anomaly.max()))
    threshold = part + steps * STEP
    calibration = Calibration([0.0], [threshold], [threshold - 1], alpha=0.5)
    _, found = Presenter(64, "inferno").present(anomaly, NO_HEATMAP, calibration, None)
    assert bool(found) == (part > threshold)
    assert all(threshold < region.peak <= part for region in found)
