"""What a category's samples are worth today: which of them count, and for which method."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.categories import Category, parse_category
from app.clipad.prompts import Domain, Wording
from app.clipad.rvs import RvsMethod
from app.images.region import parse_roi
from app.rounding import STEP, rounded
from app.standing import MethodStanding, Standing, as_read, category_of, record_of, standing_of
from app.store.records import SampleRecord, SampleScore

MODEL = "m"
NUT = replace(parse_category("nut"), alpha=0.25)  # three images decide


def score(value: float, method: str = "sdp", category: Category = NUT) -> SampleScore:
    return SampleScore(method, category.fingerprint(MODEL), value, value / 2, value / 4)


def sample(*scores: SampleScore, image: str = "") -> SampleRecord:
    """image: stands for its file; by default each sample has one of its own."""
    sha256 = image or repr(scores)
    return SampleRecord("0" * 32, datetime(2026, 1, 1, tzinfo=UTC), sha256, None, scores)


def standing(
    samples: Sequence[SampleRecord], category: Category = NUT, methods: Sequence[str] = ("sdp",)
) -> Standing:
    return standing_of(category, samples, registered=True, methods=methods, model=MODEL)


def sdp(samples: Sequence[SampleRecord], category: Category = NUT) -> MethodStanding:
    return standing(samples, category).methods["sdp"]


OTHER = [sample(score(value, category=replace(NUT, rvs=RvsMethod.PCA))) for value in (1, 2, 3, 4)]
THREE = [sample(score(value)) for value in (0.5, 0.75, 0.25)]


@pytest.mark.parametrize(
    ("samples", "state", "n", "outdated"),
    [
        ([], "none", 0, 0),
        (THREE[:1], "too_few", 1, 0),
        (THREE[:2] + OTHER, "too_few", 2, 4),
        (OTHER, "outdated", 0, 4),
        ([sample()], "outdated", 0, 1),
        (THREE, "calibrated", 3, 0),
        (OTHER[:2] + THREE + OTHER[2:], "calibrated", 3, 4),
    ],
)
def test_states(samples: list[SampleRecord], state: str, n: int, outdated: int) -> None:
    found = standing(samples)
    method = found.methods["sdp"]
    assert (method.state, method.calibration.n, method.outdated) == (state, n, outdated)
    assert (found.calibration("sdp") is not None) == (state == "calibrated")


def test_what_decides_is_of_the_scores_that_count() -> None:
    decides = standing(OTHER + THREE).calibration("sdp")
    assert decides is not None
    assert (decides.threshold, decides.map_threshold, decides.map_low) == (0.75, 0.375, 0.125)


def test_under_another_model_nothing_counts_until_it_is_back() -> None:
    other = standing_of(NUT, THREE, registered=True, methods=["sdp"], model="another")
    assert (other.methods["sdp"].state, other.methods["sdp"].outdated) == ("outdated", 3)
    assert other.fingerprint != standing(THREE).fingerprint
    assert sdp(THREE).state == "calibrated"


def test_another_alpha_needs_no_images() -> None:
    for alpha, state in ((0.5, "calibrated"), (0.25, "calibrated"), (0.1, "too_few")):
        found = sdp(THREE, replace(NUT, alpha=alpha))
        assert (found.state, found.calibration.alpha, found.outdated) == (state, alpha, 0)


def test_a_method_that_came_later_has_its_own_samples() -> None:
    both = [sample(score(value), score(value + 1, "sdp_plus")) for value in (0.5, 0.75)]
    found = standing(THREE + both, methods=("sdp", "sdp_plus"))
    assert {
        method: (each.state, each.calibration.n, each.outdated)
        for method, each in found.methods.items()
    } == {"sdp": ("calibrated", 5, 0), "sdp_plus": ("too_few", 2, 3)}
    assert found.calibration("sdp_plus") is None
    assert list(standing(both).methods) == ["sdp"]
    assert standing(both).calibration("sdp_plus") is None


def test_a_sample_counts_once_however_many_scores_it_has() -> None:
    many = sample(*(score(value / 10) for value in range(30)))
    found = sdp([many, *OTHER])
    assert (found.state, found.calibration.n, found.outdated) == ("too_few", 1, 4)
    mixed = sample(*OTHER[0].scores, score(0.5))
    assert (sdp([mixed]).calibration.n, sdp([mixed]).outdated) == (1, 0)


def test_repeated_are_the_files_that_came_before_among_those_that_count() -> None:
    a, b = score(0.5), score(0.25)
    assert sdp(THREE).repeated == 0
    found = sdp([sample(a, image="a"), sample(b, image="b"), sample(a, image="a")] * 2)
    assert (found.calibration.n, found.repeated) == (6, 4)
    # Measured again after the words have changed, a file is none that came before.
    again = [replace(old, scores=new.scores) for old, new in zip(OTHER, THREE, strict=False)]
    assert (sdp(OTHER + again).calibration.n, sdp(OTHER + again).repeated) == (3, 0)


def test_a_category_survives_being_stored() -> None:
    whole = replace(
        NUT,
        wording=Wording("metal nut", Domain.SKIN, ("clean {}",), ("{} with rust",)),
        rvs=RvsMethod.MEAN,
        roi=parse_roi([[0, 0], [1, 0], [0, 1]]),
    )
    for category in (NUT, whole):
        assert category_of(record_of(category)) == category


def test_stored_figures_count_as_they_are_made_today() -> None:
    """Older versions kept them as the model gave them: thresholds move by half a step at most."""
    values = [0.123456, 0.7654321, 0.2345678]
    decides = standing([sample(score(value)) for value in values]).calibration("sdp")
    assert decides is not None
    assert decides.threshold == rounded(0.7654321) != 0.7654321
    assert decides.map_threshold == rounded(0.7654321 / 2)
    assert decides.map_low == rounded(0.2345678 / 4)
    # The same picture, posted today: it ties, and is not anomalous.
    again = decides.decide(rounded(0.7654321 + 1e-6))
    assert again is not None
    assert (again.p_value, again.is_anomalous) == (0.5, False)


@given(st.lists(st.floats(-5, 5, width=32), min_size=3, max_size=40), st.floats(-5, 5, width=32))
def test_rounded_scores_keep_their_order_and_the_equivalence(
    values: list[float], new: float
) -> None:
    decides = standing([sample(score(value)) for value in values]).calibration("sdp")
    assert decides is not None
    decision = decides.decide(rounded(new))
    assert decision is not None
    assert decision.is_anomalous == (decision.p_value <= NUT.alpha)
    threshold = sorted(values, reverse=True)[decides.k - 1]
    if abs(new - threshold) > STEP:
        assert decision.is_anomalous == (new > threshold)


def test_a_sample_is_shown_as_it_counts() -> None:
    (shown,) = as_read(sample(score(0.123456))).scores
    assert (shown.score, shown.map_max, shown.map_median) == (
        rounded(0.123456),
        rounded(0.123456 / 2),
        rounded(0.123456 / 4),
    )
