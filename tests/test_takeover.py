"""What the version before left, taken over: its database and its `.env` (tests/data/before)."""

import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from pydantic import SecretStr

from app.main import create_app
from app.offline.synthetic import Split, generate_pair
from app.parts import load_detector
from app.rounding import STEP, rounded
from app.settings import load_settings
from app.standing import Standing, category_of, standing_of
from app.store.query import InspectionQuery
from app.store.store import Store
from tests.store import older

SAID = json.loads((older.BEFORE / "said.json").read_text())
DUMP = (older.BEFORE / "clip-ad.sql").read_text(encoding="utf-8")
METHODS = ("sdp", "sdp_plus")
# What became of its ids: `metal_nut` has the most samples, and `.2` there was already.
NOW = {id: id for id in SAID["thresholds"]} | {
    "Metal nut": "Metal nut.3",
    "metal-nut": "metal-nut.4",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """This version's store on that version's database."""
    url = f"sqlite:///{tmp_path / 'clip-ad.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    older.fill(url)
    taken_over = Store(url)
    yield taken_over
    taken_over.close()


def before(statement: str) -> list[dict[str, Any]]:
    """Rows of that version's database, untouched."""
    with sqlite3.connect(":memory:") as connection:
        connection.row_factory = sqlite3.Row
        connection.executescript(DUMP)
        return [dict(row) for row in connection.execute(statement)]


def standings(store: Store) -> dict[str, Standing]:
    found = {}
    for record in store.categories():
        samples = store.samples(record.key)
        found[record.id] = standing_of(
            category_of(record),
            samples,
            registered=True,
            methods=METHODS,
            model=SAID["fingerprint"],
        )
    return found


def test_every_category_is_there_with_its_samples(store: Store) -> None:
    assert sorted(record.id for record in store.categories()) == sorted(NOW.values())
    counted = before(
        "SELECT c.id, c.object, c.alpha, count(s.id) AS n FROM categories c "
        "LEFT JOIN samples s ON s.category_key = c.key GROUP BY c.key"
    )
    records = {record.id: record for record in store.categories()}
    for row in counted:
        kept = records[NOW[row["id"]]]
        assert (kept.object, kept.alpha) == (row["object"], row["alpha"])
        assert len(store.samples(kept.key)) == row["n"]


def test_calibrations_decide_by_the_thresholds_they_had(store: Store) -> None:
    found = standings(store)
    for id, methods in SAID["thresholds"].items():
        for method, (threshold, map_threshold) in methods.items():
            decides = found[NOW[id]].calibration(method)
            if threshold is None:
                assert decides is None
                continue
            assert decides is not None
            assert decides.threshold == rounded(threshold)
            assert decides.map_threshold == rounded(map_threshold)


def test_what_was_decided_is_decided_so_again(store: Store) -> None:
    """Every inspection in the log, and every sample against its own calibration."""
    found = standings(store)
    ids = {row["key"]: row["id"] for row in before("SELECT key, id FROM categories")}
    again = 0
    for line in before("SELECT * FROM inspections WHERE threshold IS NOT NULL"):
        decides = found[NOW[ids[line["category_key"]]]].calibration(line["method"])
        assert decides is not None
        decision = decides.decide(rounded(line["score"]))
        assert decision is not None
        assert decision.is_anomalous == bool(line["is_anomalous"])
        # Ties count, and rounding only ever makes more of them.
        assert decision.p_value >= line["p_value"] - 1e-9
        again += 1
    for row in before(
        "SELECT s.category_key, x.method, x.score FROM samples s JOIN sample_scores x "
        "ON x.sample = s.sequence"
    ):
        id = ids[row["category_key"]]
        decides = found[NOW[id]].calibration(row["method"])
        assert decides is not None
        decision = decides.decide(rounded(row["score"]))
        assert decision is not None
        assert decision.is_anomalous == (row["score"] > SAID["thresholds"][id][row["method"]][0])
        again += 1
    assert again == 24 + 54


def test_the_log_is_kept_to_the_last_digit(store: Store) -> None:
    kept = store.inspections(InspectionQuery(limit=1000))
    lines = before("SELECT * FROM inspections ORDER BY id DESC")
    assert len(kept) == len(lines) == 28
    for (number, record), line in zip(kept, lines, strict=True):
        assert number == line["id"]
        for name in ("request_id", "category", "method", "score", "threshold", "p_value"):
            assert getattr(record, name) == line[name]
        assert record.time.replace(tzinfo=None).isoformat(" ") == line["time"]
    assert len(store.inspections(InspectionQuery(category="metal nut"))) == 12


@pytest.fixture
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with that version's `.env`, and nothing else set but where data is kept."""
    (tmp_path / ".env").write_text((older.BEFORE / "env").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLIPAD_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def test_every_setting_of_its_env_means_what_it_meant(settled: Path) -> None:
    settings = load_settings()
    lines = (settled / ".env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert len(given) == 30
    for name, text in given.items():
        value = getattr(settings, name.removeprefix("CLIPAD_").lower())
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if text == "":
            assert value is None, name
        elif isinstance(value, bool):
            assert str(value).lower() == text, name
        elif isinstance(value, int | float):
            assert value == float(text), name
        else:
            assert str(value) == text.strip('"'), name


def test_the_service_goes_on_with_both(settled: Path) -> None:
    """The demo itself: the fingerprint is the same, and a picture of then scores as it did."""
    older.fill(f"sqlite:///{settled / 'data' / 'clip-ad.db'}")
    key = {"Authorization": "Bearer second-key"}
    pair = generate_pair("gear", 5_000_060, Split.BENCHMARK, "hole")
    settings = load_settings()
    with TestClient(create_app(settings, load_detector(settings)), headers=key) as client:
        lines = before(
            "SELECT * FROM inspections WHERE category = 'metal_nut' AND method = 'sdp_plus' "
            "ORDER BY id"
        )
        assert [bool(line["is_anomalous"]) for line in lines] == [False, True]
        for picture, line in zip((pair.good, pair.defective), lines, strict=True):
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "PNG")
            for category in ({"category": "metal_nut"}, {}):  # none: `Metal-Nut` of the `.env`
                answer = client.post(
                    "/predict",
                    data={"method": "sdp_plus", "heatmap": "none", **category},
                    files={"image": file.getvalue()},
                ).json()
                assert answer["model"]["fingerprint"] == line["fingerprint"]
                assert answer["calibrated"]
                assert answer["anomaly_threshold"] == rounded(line["threshold"])
                assert answer["anomaly_score"] == pytest.approx(line["score"], abs=2 * STEP)
                assert answer["is_anomalous"] == bool(line["is_anomalous"])
