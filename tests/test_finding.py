"""One image's way: mixed methods in a batch, failures alone, figures that are none."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from app.clipad.detector import Detection
from app.errors import ModelMemoryError
from app.finding import Finding, Sample, model_run
from app.images.region import Inside
from app.rounding import STEP, rounded
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


class UnsteadyDetector(FakeDetector):
    """Its figures move a little with the size of the batch, as those of real ones do."""

    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Detection:
        found = super().detect(images, text, method)
        little = STEP / 200 * len(images)
        text_score, maps = found.text_score + little, found.maps - little
        peak = maps.amax((1, 2))
        return Detection(text_score + peak, text_score, peak, maps)


@pytest.mark.parametrize("inside", [None, np.tri(16, dtype=bool)], ids=["everywhere", "region"])
def test_figures_are_the_same_alone_and_in_every_batch(inside: Inside | None) -> None:
    random = np.random.default_rng(3)
    # Not at the edge between two steps: there, the least difference tells.
    places = random.integers(2048, size=40) + random.uniform(-0.25, 0.25, 40)
    greys = (places * STEP).tolist()
    samples = [replace(sample(grey), inside=inside) for grey in greys]
    run = model_run(UnsteadyDetector(), lambda _images: None)
    alone = [run([one])[0] for one in samples]
    for size in (2, 4, 8, 40):
        for start in range(0, 40, size):
            for one, other in zip(run(samples[start : start + size]), alone[start:], strict=False):
                assert isinstance(one, Finding)
                assert isinstance(other, Finding)
                figures = [
                    (found.score, found.text_score, found.map_score) for found in (one, other)
                ]
                assert figures[0] == figures[1]
                assert not np.array_equal(one.anomaly, other.anomaly)


@given(st.floats(0, 1, width=32), st.floats(-1, 4, width=32))
def test_the_score_is_the_sum_of_its_parts_to_the_last_bit(text: float, peak: float) -> None:
    detector = FakeDetector()
    said = Detection(*(torch.tensor([v]) for v in (text + peak, text, peak)), torch.zeros(1, 4, 4))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(detector, "detect", lambda *_: said)
        (found,) = model_run(detector, lambda _images: None)([sample(0.5)])
    assert isinstance(found, Finding)
    assert Fraction(found.score) == Fraction(found.text_score) + Fraction(found.map_score)
    for value, raw in ((found.text_score, text), (found.map_score, peak)):
        assert value == rounded(value)
        assert abs(value - raw) <= STEP / 2
