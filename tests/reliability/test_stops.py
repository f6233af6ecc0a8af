"""SIGTERM while clients post: who was accepted before gets an answer."""

from collections import Counter
from pathlib import Path

import pytest

from app.offline.reliability.stops import stop_under_load
from tests.e2e.serving import Server, tiny_vit
from tests.parity import FOLDER

pytestmark = pytest.mark.slow
PICTURE = (FOLDER / "tiny-vit" / "image_0.png").read_bytes()


@pytest.mark.parametrize("after_s", [0.3, 0.7, 1.1])
def test_nobody_who_was_accepted_is_lost(tmp_path: Path, after_s: float) -> None:
    with Server(tmp_path, tiny_vit(tmp_path)) as server:
        found = stop_under_load(server.url, PICTURE, server.process.terminate, after_s)
        assert server.process.wait(60) == 0
    assert found.lost == 0
    assert found.before.keys() == {200}
    assert found.before[200] > 8
    # Who asks later over a connection that is being closed may find nobody.
    assert found.after.keys() <= {200, 503, 0}


def test_a_server_that_is_killed_loses_some(tmp_path: Path) -> None:
    """What the test above looks at can be seen at all."""
    lost = Counter[int]()
    with Server(tmp_path, tiny_vit(tmp_path)) as server:
        lost += stop_under_load(server.url, PICTURE, server.process.kill, 1.0).after
    assert lost[0] > 0
