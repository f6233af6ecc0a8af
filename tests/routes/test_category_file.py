"""A category as a file: carried to another machine whole, refused whole."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.http.category_schemas import CategoryFile
from tests.fakes import FakeDetector
from tests.routes.conftest import Serve
from tests.routes.test_categories import LEFT_HALF, calibrate, predict, put


def test_a_category_moves_to_another_machine_as_one_file(serve: Serve, tmp_path: Path) -> None:
    here, there = serve(), serve(FakeDetector(), data_dir=tmp_path / "there")
    put(here, "nut", object="metal nut", alpha=0.25, roi=LEFT_HALF)
    calibrate(here, "nut", range(0, 200, 10))
    file = here.get("/categories/nut/export").json()
    assert there.get("/categories").json() == []
    answer = there.post("/categories/import", json=file)
    assert answer.status_code == 200
    assert answer.json()["calibrations"] == here.get("/categories/nut").json()["calibrations"]
    keys = ("anomaly_score", "anomaly_threshold", "p_value", "is_anomalous", "map_threshold")
    ours, theirs = predict(here, "nut"), predict(there, "nut")
    assert {key: ours[key] for key in keys} == {key: theirs[key] for key in keys}
    file["samples"] = file["samples"][:2]
    assert there.post("/categories/import", json=file).json()["calibrations"][0]["n"] == 2
    for score in ("high", "Infinity", None):
        file["samples"][0]["scores"][0]["score"] = score
        assert there.post("/categories/import", json=file).status_code == 422


def test_a_file_may_be_taken_over_under_another_id(serve: Serve) -> None:
    client = serve()
    calibrate(client, "nut", range(20))  # named by its id alone: nobody put any words
    file = client.get("/categories/nut/export").json() | {"id": "line2.nut"}
    answer = client.post("/categories/import", json=file).json()
    assert answer["object"] == "nut"
    assert answer["calibrations"] == client.get("/categories/nut").json()["calibrations"]
    assert answer["calibrations"][0]["state"] == "calibrated"


@pytest.mark.parametrize(
    ("sample", "score", "says"),
    [
        ({"created": "2024-01-01T00:00:00"}, {}, "samples.1.created"),
        ({"created": "0001-01-01T00:00:00+05:00"}, {}, "years 1 to 9999"),
        ({"created": "9999-12-31T23:00:00-05:00"}, {}, "years 1 to 9999"),
        ({"created": 1_700_000_000}, {}, "samples.1.created"),
        ({"image_sha256": "x"}, {}, "image_sha256"),
        ({"more": 1}, {}, "more"),
        ({}, {"map_max": 0.25, "map_median": 0.5}, "map_median 0.5 lies above map_max 0.25"),
        ({}, {"score": "nan"}, "score"),
        ({}, {"score": "0.5"}, "score"),
        ({}, {"map_median": False}, "map_median"),
        ({"twice": True}, {}, "samples[1]: has method 'sdp' more than once"),
    ],
)
def test_a_file_outside_the_rules_is_refused_and_replaces_nothing(
    client: TestClient, sample: dict[str, Any], score: dict[str, Any], says: str
) -> None:
    calibrate(client, "nut", range(3))
    file = client.get("/categories/nut/export").json()
    assert client.post("/categories/import", json=file).status_code == 200
    before = client.get("/categories/nut/calibration").json()
    broken = file["samples"][1] | sample
    broken["scores"] = [broken["scores"][0] | score] * (1 + broken.pop("twice", False))
    file["samples"][1] = broken
    answer = client.post("/categories/import", json=file)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert says in json.dumps(answer.json())
    assert client.get("/categories/nut/calibration").json() == before


def test_a_time_of_another_zone_is_kept_as_utc(client: TestClient) -> None:
    calibrate(client, "nut", range(1))
    file = client.get("/categories/nut/export").json()
    file["samples"][0]["created"] = "2024-01-01T02:00:00+02:00"
    assert client.post("/categories/import", json=file).status_code == 200
    (sample,) = client.get("/categories/nut/calibration").json()["samples"]
    assert sample["created"] == "2024-01-01T00:00:00Z"


def test_more_samples_than_a_category_may_have_are_refused(client: TestClient) -> None:
    calibrate(client, "nut", range(1))
    file = client.get("/categories/nut/export").json()
    sample = file["samples"][0] | {"filename": None}
    answers = []
    for count in (5001, 5000):
        file["samples"] = [sample | {"id": f"{k:032x}"} for k in range(count)]
        answers.append(client.post("/categories/import", json=file))
    assert [answer.status_code for answer in answers] == [422, 200]
    assert "expected at most 5000" in answers[0].json()["detail"]
    (state,) = answers[1].json()["calibrations"]
    assert (state["n"], state["repeated"]) == (5000, 4999)
    exported = client.get("/categories/nut/export").json()
    assert client.post("/categories/import", json=exported).status_code == 200


def test_files_are_written_and_read_beside_the_event_loop(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[str] = []

    def watch(name: str) -> None:
        original = getattr(CategoryFile, name)

        def watched(*args: Any) -> Any:
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            beside.append(name)
            return original(*args)

        monkeypatch.setattr(CategoryFile, name, watched)

    put(client, "nut")
    watch("model_dump_json")
    watch("model_validate_json")
    file = client.get("/categories/nut/export").json()
    assert client.post("/categories/import", json=file).status_code == 200
    assert beside == ["model_dump_json", "model_validate_json"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_file_is_announced_as_json(client: TestClient, content_type: str | None) -> None:
    put(client, "nut")
    file = client.get("/categories/nut/export").content
    client.delete("/categories/nut")
    headers = {"Content-Type": content_type} if content_type else {}
    answer = client.post("/categories/import", content=file, headers=headers)
    assert (answer.status_code, "application/json" in answer.json()["detail"]) == (422, True)
    assert client.get("/categories").json() == []
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert client.post("/categories/import", content=file, headers=headers).status_code == 200
    for text in (b"", b"{", b"[]", b"\xff"):
        answer = client.post("/categories/import", content=text, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:clip-ad:problem:field")


def test_only_what_is_registered_is_exported(client: TestClient) -> None:
    assert client.get("/categories/nut/export").status_code == 404
