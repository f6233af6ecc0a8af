"""An attack ends whatever it meets, and says so."""

from app.offline.reliability.attack import attack
from app.offline.reliability.hostile import TRICKS, hostiles
from tests.offline.reliability.refusing import answering


def test_a_server_that_never_has_room_fails_it_and_does_not_hang_it() -> None:
    with answering(429) as url:
        outcome = attack(url, hostiles(1000), b"", clients=2, patience_s=0.1)
    assert 20 <= len(outcome.wrong) < 30
    assert sum(": 429, not [" in line for line in outcome.wrong) >= 18
    assert outcome.sent < 30
    assert outcome.goods == 0
    assert outcome.slowest_s < 60


def test_errors_that_are_no_problems_are_found() -> None:
    with answering(400, "text/plain") as url:
        outcome = attack(url, hostiles(len(TRICKS)), b"", clients=1)
    assert "truncated, body 4: 400 that is no problem+json" in outcome.wrong


def test_nobody_there_is_wrong() -> None:
    with answering(400) as url:
        pass
    outcome = attack(url, hostiles(5), b"", clients=1)
    assert len(outcome.wrong) >= 5
    assert {0} == set().union(*outcome.statuses.values())
