"""A model that hangs while the process is told to stop: it ends all the same."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.offline.reliability.faulty import order
from app.serving.ending import HUNG_EXIT_CODE
from tests.e2e.forked import FAULTY, ForkedServer
from tests.e2e.serving import tiny_vit
from tests.parity import FOLDER
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
PICTURE = (FOLDER / "tiny-vit" / "image_0.png").read_bytes()


def test_a_process_that_must_stop_does_not_wait_for_a_model_that_hangs(tmp_path: Path) -> None:
    orders, log = tmp_path / "orders", tmp_path / "log"
    orders.mkdir()
    settings = tiny_vit(tmp_path) | {
        "FAULTS": str(orders),
        "CLIPAD_DATA_DIR": str(tmp_path),
        "CLIPAD_MODEL_TIMEOUT_S": "3",
        "CLIPAD_REQUEST_TIMEOUT_S": "1",
    }
    with ForkedServer(FAULTY, settings, log) as server, ThreadPoolExecutor(1) as pool:
        order(orders, "hang", 60)
        where = f"{server.url}/predict?category=nut"
        asked = pool.submit(httpx.post, where, content=PICTURE, timeout=300, trust_env=False)
        wait_for(lambda: not (orders / "hang").exists())  # it is taken
        server.terminate()
        assert asked.result().status_code == 504
        wait_for(lambda: server.exit_code is not None)
        assert server.exit_code == HUNG_EXIT_CODE
    assert "has not answered" in log.read_text()
