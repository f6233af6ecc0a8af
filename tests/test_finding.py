"""One image's way: mixed methods in a batch, failures alone, figures that are none."""

import numpy as np
import pytest
import torch
from torch import Tensor

from app.clipad.detector import Detection
from app.errors import ModelMemoryError
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


def test_a_batch_that_breaks_is_halved_until_who_breaks_it_is_alone() -> None:
    red = sample(0.0)
    red.pixels[0] = 1.0
    detector = FakeDetector()
    outcomes = scores(detector, [sample(0.5), red, sample(0.25), sample(0.125)])
    assert outcomes == [0.75, ZeroDivisionError, 0.5, 0.375]
    assert detector.batches == [4, 2, 1, 1, 2]


class SmallDetector(FakeDetector):
    """Has memory for so many images at once."""

    def __init__(self, room: int, error: Exception) -> None:
        super().__init__()
        self._room = room
        self._error = error

    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Detection:
        if len(images) > self._room:
            self.batches.append(len(images))
            raise self._error
        return super().detect(images, text, method)


NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    MemoryError(),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
]


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda error: type(error).__name__)
def test_without_memory_for_all_of_a_batch_its_parts_are_computed(error: Exception) -> None:
    detector = SmallDetector(2, error)
    assert scores(detector, [sample(0.5)] * 5) == [0.75] * 5
    assert detector.batches == [5, 2, 3, 1, 2]


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda error: type(error).__name__)
def test_without_memory_for_one_image_it_is_told_to_come_back(error: Exception) -> None:
    assert scores(SmallDetector(0, error), [sample(0.5)] * 2) == [ModelMemoryError] * 2


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
