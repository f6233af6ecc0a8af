"""A real server under hostile bodies: the right statuses, and nobody else suffers."""

from pathlib import Path

import pytest

from app.offline.reliability.attack import attack
from app.offline.reliability.hostile import TRICKS, hostiles
from app.offline.reliability.verdicts import of_attack
from tests.e2e.serving import Server, tiny_vit
from tests.parity import FOLDER

pytestmark = pytest.mark.slow
DEADLINE_S = 30  # CLIPAD_REQUEST_TIMEOUT_S, as it is
GOOD = (FOLDER / "tiny-vit" / "image_0.png").read_bytes()


def test_every_trick_is_answered_as_it_should_be(tmp_path: Path) -> None:
    count = 15 * len(TRICKS)
    with Server(tmp_path, tiny_vit(tmp_path)) as server:
        outcome = attack(server.url, hostiles(count), GOOD, clients=8)
        log = server.log
    assert of_attack(outcome, DEADLINE_S) == []
    assert outcome.sent == count
    assert outcome.goods >= count // 10
    assert "Traceback" not in log
    assert "UserWarning" not in log
