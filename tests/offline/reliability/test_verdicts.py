"""Each thing that must not come of a soak is found, alone."""

from collections import Counter
from dataclasses import replace

import pytest

from app.offline.reliability.attack import Outcome
from app.offline.reliability.mixed import Stretch
from app.offline.reliability.verdicts import of_attack, of_crowd

SOUND = Stretch(
    good=Counter({200: 600, 429: 300}),
    hostile=Counter({400: 100, 413: 50, 415: 50, 200: 9, 422: 1, 429: 9}),
    slow=Counter({200: 20, 429: 9}),
    seconds=60,
    memory_mib=1000,
)


def test_a_sound_attack_has_no_objections() -> None:
    assert of_attack(Outcome(slowest_s=29), 30, 1000, 1049) == []
    assert of_attack(Outcome(slowest_s=29), 30) == []


@pytest.mark.parametrize(
    ("outcome", "after_mib", "words"),
    [
        (Outcome(wrong=["noise, body 6: 500"]), 1000, "noise, body 6: 500"),
        (Outcome(slowest_s=30.1), 1000, "slowest answer took 30.1 s"),
        (Outcome(), 1051, "memory grew by 5.1%"),
    ],
)
def test_what_must_not_come_of_an_attack(outcome: Outcome, after_mib: float, words: str) -> None:
    (said,) = of_attack(outcome, 30, 1000, after_mib)
    assert words in said


def test_a_sound_crowd_has_no_objections() -> None:
    cold = replace(SOUND, memory_mib=100)
    grown = replace(SOUND, memory_mib=1049)
    assert of_crowd([cold, SOUND, grown], Stretch()) == []
    assert of_crowd([cold, SOUND], Stretch(good=Counter({200: 9}))) == []


@pytest.mark.parametrize(
    ("stretch", "words"),
    [
        (replace(SOUND, memory_mib=1051), "memory grew by 5.1% from 1000 MiB"),
        (replace(SOUND, slow=Counter({200: 20, 504: 1})), "slow clients saw [504]"),
        (replace(SOUND, slow=Counter({0: 1})), "slow clients saw [0]"),
        (replace(SOUND, good=SOUND.good + Counter({400: 1})), "good clients saw [400]"),
        (replace(SOUND, hostile=Counter({500: 1})), "hostile clients saw [500]"),
        (replace(SOUND, broken=Counter({"vanishing: ReadError": 2})), "2 times: vanishing: ReadE"),
        (replace(SOUND, probes_missed=1), "1 probes"),
        (replace(SOUND, good=Counter({200: 539})), "goodput fell to 0.90"),
        (replace(SOUND, good=Counter({429: 900})), "goodput fell to 0.00"),
    ],
)
def test_what_must_not_come_of_a_crowd(stretch: Stretch, words: str) -> None:
    (said,) = of_crowd([SOUND, SOUND, stretch], Stretch())
    assert words in said


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (Stretch(good=Counter({0: 1})), "good clients saw [0]"),
        (Stretch(probes_missed=1), "1 probes"),
    ],
)
def test_who_is_answered_late_counts(late: Stretch, words: str) -> None:
    (said,) = of_crowd([SOUND, SOUND], late)
    assert words in said


def test_a_first_stretch_without_any_is_no_measure() -> None:
    assert of_crowd([replace(SOUND, good=Counter({429: 9})), SOUND], Stretch()) != []
