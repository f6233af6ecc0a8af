"""Each thing that a fault must not lead to is found, alone."""

from collections import Counter
from dataclasses import replace

import pytest

from app.offline.reliability.causes import nothing
from app.offline.reliability.injections import Injection, injections
from app.offline.reliability.sightings import MOST_TOLD, Client, Trial

DIES = Injection(
    "dies", nothing, frozenset({200, 503}), frozenset({200, 503}), red_s=5, logged="has died"
)
HANGS = replace(DIES, red_s=10, restarts=True, logged="")
BREAKS = Injection("breaks", nothing, frozenset({200, 500}), frozenset({200, 500}), poisoned=True)
SAW = Client(Counter({200: 9, 503: 1}), {'{"detail":"try again","instance":"/predict"}'})
DIED = Trial([SAW, SAW], red_s=0.7, log="it has died")
HUNG = Trial([SAW, replace(SAW, unheard=7)], 5.7, 5.7, silent=3, log="... this process ends")
BROKE = Trial([Client(Counter({500: 9})), Client(Counter({200: 9}))])


def test_what_should_come_of_them() -> None:
    assert DIES.objections(DIED) == []
    assert HANGS.objections(HUNG) == []
    assert BREAKS.objections(BROKE) == []


@pytest.mark.parametrize(
    ("injection", "found", "words"),
    [
        (DIES, replace(DIED, red_s=5.1), "/readyz red after 5.1 s, expected within 5.0 s"),
        (DIES, replace(DIED, red_s=None), "/readyz red never, expected within 5.0 s"),
        (DIES, replace(DIED, dead_s=1.0), "/healthz red after 1.0 s, expected never"),
        (DIES, replace(DIED, silent=1), "1 probes were not answered"),
        (DIES, replace(DIED, log=""), "not in the log: 'has died'"),
        (DIES, replace(DIED, log="has died; this process ends"), "has ended 1 times, expected 0"),
        (DIES, replace(DIED, clients=[replace(SAW, lost=1)]), "0 wrong answers, 1 lost"),
        (DIES, replace(DIED, clients=[replace(SAW, wrong=1)]), "1 wrong answers, 0 lost"),
        (DIES, replace(DIED, clients=[replace(SAW, unheard=1)]), "1 found nobody"),
        (DIES, replace(DIED, clients=[replace(SAW, odd=1)]), "1 errors are no problem+json"),
        (DIES, replace(DIED, clients=[Client(Counter({200: 9}))]), "statuses [200], expected"),
        (HANGS, replace(HUNG, red_s=10.1), "/readyz red after 10.1 s, expected within 10.0 s"),
        (HANGS, replace(HUNG, dead_s=None), "/healthz red never, expected within 10.0 s"),
        (HANGS, replace(HUNG, dead_s=10.1), "/healthz red after 10.1 s, expected within 10.0 s"),
        (HANGS, replace(HUNG, log=""), "has ended 0 times, expected 1"),
        (
            BREAKS,
            replace(BROKE, clients=[*BROKE.clients, Client(Counter({200: 9, 500: 1}))]),
            "a picture's neighbours saw {200: 18, 500: 1}",
        ),
    ],
)
def test_what_should_not(injection: Injection, found: Trial, words: str) -> None:
    (said,) = injection.objections(found)
    assert words in said


@pytest.mark.parametrize(
    ("told", "private"),
    [
        ("ordered to fail", "ordered"),
        ("Traceback (most recent call last)", "Traceback"),
        ("main.py", ".py"),
        ("/home/somebody has no room", "/home/somebody"),
    ],
)
def test_words_that_are_no_client_s_business(told: str, private: str) -> None:
    found = replace(DIED, clients=[SAW, replace(SAW, told={*SAW.told, told})])
    assert DIES.objections(found) == [f"a client was told {private!r}: {told}"]


def test_more_answers_than_are_kept_are_not_taken_for_looked_at() -> None:
    found = replace(DIED, clients=[replace(SAW, told=set(map(str, range(MOST_TOLD))))])
    assert DIES.objections(found) == ["more different error answers than are kept"]


def test_those_that_are_tried_have_names_and_limits_of_their_own() -> None:
    tried = injections()
    assert len({injection.name for injection in tried}) == len(tried)
    assert sum(injection.restarts for injection in tried) == 2
    assert all(injection.red_s is not None for injection in tried if injection.restarts)
