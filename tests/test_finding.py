"""One image's way: mixed methods in a batch, failures alone, figures that are none."""

import numpy as np
import pytest
import torch

from app.clipad.detector import Detection
from app.finding import Finding, Sample, model_run
from tests.fakes import FakeDetector


def sample(grey: float, method: str = "sdp") -> Sample:
    return Sample(torch.full((3, 16, 16), grey), torch.tensor([[0.0, 0.25]]), method)


def scores(detector: FakeDetector, samples: list[Sample]) -> list[object]:
    outcomes = model_run(detector, lambda _images: None)(samples)
    return [found.score if isinstance(found, Finding) else type(found) for found in outcomes]


def test_methods_mix_and_order_stays() -> None:
    detector = FakeDetector(("sdp", "sdp_plus"))
    mixed = [sample(0.5), sample(0.5, "sdp_plus"), sample(0.25), sample(0.125, "sdp_plus")]
    assert scores(detector, mixed) == [0.75, 1.25, 0.5, 0.5]
    assert detector.batches == [2, 2]


def test_a_batch_that_breaks_is_tried_one_by_one() -> None:
    red = sample(0.0)
    red.pixels[0] = 1.0
    assert scores(FakeDetector(), [sample(0.5), red, sample(0.25)]) == [
        0.75,
        ZeroDivisionError,
        0.5,
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_an_error(
    value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = FakeDetector()
    broken = Detection(*(torch.full((1,), value) for _ in range(3)), torch.zeros(1, 16, 16))
    monkeypatch.setattr(detector, "detect", lambda *_: broken)
    assert scores(detector, [sample(0.5)]) == [ArithmeticError]


def test_findings_hold_the_map_and_its_parts() -> None:
    observed: list[int] = []
    (found,) = model_run(FakeDetector(), observed.append)([sample(0.5)])
    assert isinstance(found, Finding)
    assert (found.text_score, found.map_score, found.score) == (0.25, 0.5, 0.75)
    np.testing.assert_array_equal(found.anomaly, np.full((16, 16), 0.5, np.float32))
    assert observed == [1]
