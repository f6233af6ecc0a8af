"""The benchmark of batches: its shares counted by hand, and one small run on pictures."""

import numpy as np
import pytest
import torch

from app.clipad.detector import AnomalyDetector
from app.offline.bench.batches import Company, in_company
from app.rounding import STEP
from tests import parity

LITTLE = STEP / 256


def test_the_shares_are_those_of_a_hand_count() -> None:
    alone = np.array([[0.25, 0.5], [0.25, 0.5], [0.5, 0.5], [0.125, 0.0]])
    together = alone + LITTLE * np.array([[1, 0], [-1, 0], [0, 1], [0, 0]])
    found = Company(alone, together)
    assert found.largest() == {"score": LITTLE, "text": LITTLE, "map": LITTLE}
    good = np.array([True, False, True, False])
    plain = found.shares(good, rounding=False)
    # Thresholds 0.75 and 1.0: the first picture crosses the first, the third the second.
    assert (plain.figures, plain.own, plain.any) == (3 / 4, 1.0, 2 / 8)
    rounded = found.shares(good, rounding=True)
    assert (rounded.figures, rounded.own, rounded.any) == (0, 0, 0)


def test_a_difference_at_the_edge_of_a_step_is_not_hidden() -> None:
    alone = np.array([[0.5 + STEP / 2 - LITTLE, 0.0]])
    found = Company(alone, alone + 2 * LITTLE)
    assert found.shares(np.array([True]), rounding=True).own == 1


@pytest.mark.parametrize("count", [7, 8])
def test_every_picture_is_computed_alone_and_in_company(count: int) -> None:
    detector = AnomalyDetector(parity.backbone("tiny-vit"))
    side = detector.side
    pictures = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))
    text = detector.text_features("nut")
    found = in_company(detector, lambda place: pictures[place], count, text, "sdp", (2, 3))
    expected = detector.detect(pictures, text.expand(count, -1, -1))
    for figures in (found.alone, found.together):
        np.testing.assert_allclose(figures[:, 0], expected.text_score.numpy(), atol=1e-5)
        np.testing.assert_allclose(figures[:, 1], expected.map_score.numpy(), atol=1e-5)
    assert found.largest()["score"] < STEP / 10
