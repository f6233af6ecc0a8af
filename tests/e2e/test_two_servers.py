"""Two processes on one database: what is set up through one decides on the other."""

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.e2e.freshness import A_SECOND, outdated_for
from tests.e2e.serving import Server, tiny_vit
from tests.parity import FOLDER
from tests.store import cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
PICTURE = FOLDER / "tiny-vit" / "image_0.png"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{folders[0] / 'shared.db'}"
        else:
            url = stack.enter_context(
                cluster.database(request.getfixturevalue("postgresql_server"))
            )
        settings = [tiny_vit(folder) | {"CLIPAD_DATABASE_URL": url} for folder in folders]
        both = [Server(*pair) for pair in zip(folders, settings, strict=True)]
        one, other = (stack.enter_context(server) for server in both)
        yield one, other


def noise(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def predict(server: Server, category: str) -> dict[str, Any]:
    form = ("-F", f"image=@{PICTURE}", "-F", f"category={category}")
    found: dict[str, Any] = json.loads(server.curl("/predict?heatmap=none", *form))
    return found


def test_calibrated_through_one_decided_by_the_other(
    servers: tuple[Server, Server], tmp_path: Path
) -> None:
    one, other = servers
    assert predict(other, "nut")["calibrated"] is False  # so that it is known as such
    body = ("-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"alpha": 0.2}')
    one.curl("/categories/nut", *body)
    parts = []
    for seed in range(6):
        (tmp_path / f"{seed}.png").write_bytes(noise(seed))
        parts += ["-F", f"image=@{tmp_path / f'{seed}.png'}"]
    said = json.loads(one.curl("/categories/nut/calibration", *parts))
    assert (said["n"], said["calibrated"]) == (6, True)
    assert outdated_for(lambda: predict(other, "nut")["calibrated"]) < A_SECOND
    answers = [predict(server, "nut") for server in servers]
    assert answers[1]["anomaly_threshold"] == said["anomaly_threshold"]
    for name in ("anomaly_score", "p_value", "is_anomalous", "map_threshold", "regions"):
        assert answers[0][name] == answers[1][name]

    one.curl("/categories/nut/calibration", "-X", "DELETE")
    assert outdated_for(lambda: not predict(other, "nut")["calibrated"]) < A_SECOND


def test_both_write_one_log(servers: tuple[Server, Server]) -> None:
    asked = [predict(server, "washer")["request_id"] for server in servers]

    def logged(server: Server) -> list[str]:
        lines = json.loads(server.curl("/inspections?category=washer"))["inspections"]
        return [line["request_id"] for line in lines]

    for server in servers:
        wait_for(lambda server=server: logged(server) == asked[::-1])
