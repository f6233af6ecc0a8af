"""What must not come of a stop is found."""

from collections import Counter
from dataclasses import replace

import pytest

from app.offline.reliability.stops import Stop

SOUND = Stop(Counter({200: 20}), Counter({200: 4}), Counter({200: 1, 503: 8, 0: 1}), under_way=7)


def test_a_sound_stop_has_no_objections() -> None:
    assert SOUND.objections() == []
    assert SOUND.lost == 0


@pytest.mark.parametrize(
    ("stop", "words"),
    [
        (replace(SOUND, before=Counter({200: 20, 0: 1})), "1 that had been accepted"),
        (replace(SOUND, slow=Counter({200: 3, 0: 1})), "1 that had been accepted"),
        (replace(SOUND, before=Counter({200: 20, 503: 1})), "sent before the signal: {503: 1}"),
        (replace(SOUND, slow=Counter({504: 4})), "half sent before the signal: {504: 4}"),
        (replace(SOUND, after=Counter({500: 1})), "sent after the signal: [500]"),
    ],
)
def test_what_must_not_come_of_it(stop: Stop, words: str) -> None:
    (said,) = stop.objections()
    assert words in said
