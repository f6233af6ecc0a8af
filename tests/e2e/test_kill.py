"""A server killed in the middle of its work: what it acknowledged is there when it is back."""

import asyncio
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.serving import Server, tiny_vit
from tests.parity import FOLDER

pytestmark = pytest.mark.slow
PICTURES = [(FOLDER / "tiny-vit" / f"image_{number}.png").read_bytes() for number in range(3)]
PATIENCE_S = 300
CATEGORIES = [f"part{number}" for number in range(8)]


class Line:
    """Posts calibrations and predictions at once until the server is gone.

    kept: ids of the samples that were acknowledged, by category. cut_off: requests that got no
    answer.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.kept: dict[str, list[str]] = {name: [] for name in CATEGORIES}
        self.statuses: Counter[int] = Counter()
        self.cut_off = 0
        self._answered = asyncio.Event()

    async def post_all(self, kill: Callable[[], None], requests: int, after: int) -> None:
        """So many at the same time; `kill` is called once `after` of them have been answered, a
        calibration among them."""
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=PATIENCE_S, limits=limits, trust_env=False) as http:
            tasks = [
                asyncio.create_task(self._one(http, CATEGORIES[number // 2 % 8], number))
                for number in range(requests)
            ]
            while sum(self.statuses.values()) < after or not any(self.kept.values()):
                self._answered.clear()
                await asyncio.wait_for(self._answered.wait(), PATIENCE_S)
            kill()
            await asyncio.gather(*tasks)

    async def _one(self, http: httpx.AsyncClient, name: str, number: int) -> None:
        if number % 2:
            files = [("image", ("part.png", PICTURES[number % 3]))]
            await self._post(http, f"/predict?category={name}", files)
            return
        files = [("image", (f"{number}-{i}.png", data)) for i, data in enumerate(PICTURES)]
        answer = await self._post(http, f"/categories/{name}/calibration", files)
        if answer is not None and answer.status_code == 200:
            ids = [entry["sample"] for entry in answer.json()["entries"]]
            assert None not in ids
            self.kept[name] += ids

    async def _post(self, http: httpx.AsyncClient, path: str, files: Any) -> httpx.Response | None:
        while True:
            try:
                answer = await http.post(self._url + path, files=files)
            except httpx.TransportError:
                self.cut_off += 1
                return None
            if answer.status_code != 429:
                break
            # Busy: a line asks again.
            await asyncio.sleep(random.uniform(0.01, 0.1))
        self.statuses[answer.status_code] += 1
        self._answered.set()
        return answer


@pytest.mark.parametrize(
    ("requests", "after"),
    [
        (120, 40),
        *(pytest.param(200, after, marks=pytest.mark.nightly) for after in (20, 80, 150)),
    ],
)
def test_no_acknowledged_calibration_is_lost(tmp_path: Path, requests: int, after: int) -> None:
    settings = tiny_vit(tmp_path) | {
        "CLIPAD_DATA_DIR": str(tmp_path / "data"),
        "CLIPAD_REQUEST_TIMEOUT_S": str(PATIENCE_S),  # nobody is to leave for another reason
    }
    with Server(tmp_path, settings) as server:
        line = Line(server.url)
        asyncio.run(line.post_all(server.process.kill, requests, after))
        server.process.wait(30)
    assert set(line.statuses) == {200}
    assert line.cut_off > 0, "all had been answered before the end"
    assert sum(len(ids) for ids in line.kept.values()) >= 3, "no calibration had been answered"

    with Server(tmp_path, settings) as again:
        for name, ids in line.kept.items():
            found = json.loads(again.curl(f"/categories/{name}/calibration"))
            samples = found.get("samples", [])
            assert set(ids) <= {sample["id"] for sample in samples}
            assert all(len(sample["scores"]) == 1 for sample in samples)
        for row in json.loads(again.curl("/inspections?limit=1000"))["inspections"]:
            assert None not in (row["score"], row["image_sha256"], row["request_id"])
    check_whole(tmp_path / "data" / "clip-ad.db")


def check_whole(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        uneven = database.execute(
            "SELECT s.sequence FROM samples s "
            "LEFT JOIN sample_scores v ON v.sample = s.sequence "
            "GROUP BY s.sequence HAVING count(v.sample) != 1"
        )
        assert uneven.fetchall() == []
        counts = database.execute("SELECT count(*) FROM samples GROUP BY category_key").fetchall()
        # Three came with each request: kept together or not at all.
        assert [count for (count,) in counts if count % len(PICTURES)] == []
