"""SIGTERM while clients post: who was accepted before gets an answer."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.offline.reliability.faulty import ENDLESS_S, order
from app.offline.reliability.stops import QUICK, SLOW, stop_under_load
from tests.e2e.forked import FAULTY, ForkedServer
from tests.e2e.serving import tiny_vit
from tests.parity import FOLDER
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
PICTURE = (FOLDER / "tiny-vit" / "image_0.png").read_bytes()


@contextmanager
def slow_server(folder: Path) -> Iterator[ForkedServer]:
    """One picture at a time, four a second: most of the clients wait at any moment."""
    orders = folder / "orders"
    orders.mkdir()
    order(orders, "slow", ENDLESS_S)
    settings = tiny_vit(folder) | {
        "FAULTS": str(orders),
        "CLIPAD_DATA_DIR": str(folder / "data"),
        "CLIPAD_MAX_BATCH": "1",
    }
    with ForkedServer(FAULTY, settings, folder / "log") as server:
        yield server


@pytest.mark.parametrize("after_s", [0.7, 1.1, 1.5])
def test_nobody_who_was_accepted_is_lost(tmp_path: Path, after_s: float) -> None:
    with slow_server(tmp_path) as server:
        found = stop_under_load(server.url, PICTURE, server.terminate, after_s)
        wait_for(lambda: server.exit_code is not None)
    assert server.exit_code == 0
    assert found.objections() == []
    assert found.under_way >= QUICK // 2
    assert found.slow == {200: SLOW}


def test_a_server_that_is_killed_loses_all_that_are_under_way(tmp_path: Path) -> None:
    """What the test above looks at can be seen at all."""
    with slow_server(tmp_path) as server:
        found = stop_under_load(
            server.url, PICTURE, lambda: os.kill(server.pid, signal.SIGKILL), 1.0
        )
    assert found.before[0] >= QUICK // 2
    assert found.slow == {0: SLOW}
    assert found.lost == found.before[0] + SLOW
    assert f"{found.lost} that had been accepted were not answered" in found.objections()
