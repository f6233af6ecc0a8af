"""Calibration over HTTP: what is answered is the formula over the samples' own scores."""

import io
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.calibration import rate_95
from tests.fakes import FakeDetector
from tests.pictures import PNG, RED, file_of
from tests.routes.conftest import Serve
from tests.routes.test_categories import calibrate, good, predict, put


def listed(client: TestClient, id: str = "nut") -> list[dict[str, Any]]:
    samples: list[dict[str, Any]] = client.get(f"/categories/{id}/calibration").json()["samples"]
    return samples


def test_every_p_value_is_the_formula_over_the_samples_own_scores(client: TestClient) -> None:
    put(client, "nut", alpha=0.2)
    first = calibrate(client, "nut", range(20, 100, 20))
    assert (first["n"], first["needed"], first["calibrated"]) == (4, 4, True)
    found = calibrate(client, "nut", range(0, 250, 16))
    assert (found["n"], found["expected_rate"]) == (20, 4 / 21)
    assert found["rate_95"] == rate_95(20, 0.2)
    scores = [sample["scores"][0]["score"] for sample in listed(client)]
    assert len(scores) == 20
    threshold = sorted(scores, reverse=True)[3]
    decisions = set()
    for grey in range(0, 256, 15):
        answer = predict(client, "nut", good(grey))
        p = (1 + sum(score >= answer["anomaly_score"] for score in scores)) / 21
        assert answer["p_value"] == p
        assert answer["anomaly_threshold"] == threshold
        assert answer["is_anomalous"] == (answer["anomaly_score"] > threshold) == (p <= 0.2)
        decisions.add(answer["is_anomalous"])
    assert decisions == {True, False}


def test_too_few_decide_nothing(client: TestClient) -> None:
    found = calibrate(client, "nut", range(3))
    assert (found["n"], found["needed"], found["calibrated"]) == (3, 19, False)
    assert (found["expected_rate"], found["rate_95"]) == (None, None)
    answer = predict(client, "nut")
    assert [answer[name] for name in ("is_anomalous", "anomaly_threshold", "p_value")] == [None] * 3
    assert (answer["calibrated"], answer["map_threshold"], answer["regions"]) == (False, None, [])


def test_an_image_that_is_none_is_a_problem_and_the_others_are_kept(client: TestClient) -> None:
    files = [("image", (name, data)) for name, data in (
        ("a.png", good(1)), ("b.png", PNG[:60]), ("c.txt", b"text"), ("d.png", RED),
        ("e.png", good(2)))]  # fmt: skip
    answer = client.post("/categories/nut/calibration", files=files)
    assert answer.status_code == 200
    entries = answer.json()["entries"]
    assert [entry["filename"] for entry in entries] == [name for _, (name, _) in files]
    assert [entry["problem"] and entry["problem"]["status"] for entry in entries] == [
        None, 400, 415, 500, None]  # fmt: skip
    kept = [entry["sample"] for entry in entries if entry["sample"]]
    assert [sample["id"] for sample in listed(client)] == kept
    assert answer.json()["n"] == 2


def test_nothing_usable_registers_nothing(client: TestClient) -> None:
    answer = client.post("/categories/nut/calibration", files={"image": b"text"})
    assert (answer.status_code, answer.json()["n"]) == (200, 0)
    assert client.get("/categories").json() == []
    empty = client.post("/categories/nut/calibration", files={"other": b"x"})
    assert (empty.status_code, "image: is missing" in empty.json()["detail"]) == (422, True)


def test_samples_are_listed_and_taken_out(client: TestClient) -> None:
    found = calibrate(client, "nut", range(5))
    ids = [entry["sample"] for entry in found["entries"]]
    assert client.delete(f"/categories/nut/calibration/{ids[2]}").json() == {"removed": 1}
    assert [sample["id"] for sample in listed(client)] == ids[:2] + ids[3:]
    again = client.delete(f"/categories/nut/calibration/{ids[2]}")
    assert (again.status_code, again.json()["type"]) == (404, "urn:clip-ad:problem:unknown-sample")
    assert client.delete("/categories/nut/calibration").json() == {"removed": 4}
    assert client.get("/categories/nut").json()["calibrations"][0]["state"] == "none"


def test_a_repeated_image_is_told(client: TestClient) -> None:
    assert calibrate(client, "nut", range(3))["repeated"] == 0
    assert calibrate(client, "nut", range(1, 4))["repeated"] == 2


def test_every_method_is_calibrated_with_one_upload(serve: Serve) -> None:
    client = serve(FakeDetector(("sdp", "sdp_plus")), method="sdp_plus")
    put(client, "nut", alpha=0.25)
    found = calibrate(client, "nut", range(0, 200, 50))
    assert (found["method"], found["n"]) == ("sdp_plus", 4)
    thresholds = {
        method: client.post(
            "/predict", params={"category": "nut", "method": method}, content=PNG
        ).json()["anomaly_threshold"]
        for method in ("sdp", "sdp_plus")
    }
    assert thresholds == {
        state["method"]: state["anomaly_threshold"] for state in found["calibrations"]
    }
    assert thresholds["sdp"] < thresholds["sdp_plus"]


def test_another_model_s_calibration_decides_nothing_and_says_why(serve: Serve) -> None:
    from dataclasses import replace

    put(serve(), "nut", alpha=0.5)
    calibrate(serve(), "nut", range(3))
    other = FakeDetector()
    other.info = replace(other.info, fingerprint="e" * 64)
    client = serve(other)
    assert predict(client, "nut")["calibrated"] is False
    (state,) = client.get("/categories/nut").json()["calibrations"]
    assert (state["state"], state["outdated"]) == ("outdated", 3)
    calibrate(client, "nut", range(2))
    (state,) = client.get("/categories/nut").json()["calibrations"]
    assert (state["state"], state["n"], state["outdated"]) == ("calibrated", 2, 3)


def test_heatmaps_have_the_category_s_own_scale_and_regions_their_boxes(
    client: TestClient,
) -> None:
    put(client, "nut", alpha=0.2)
    calibrate(client, "nut", range(90, 110, 2))
    low = client.post("/predict?category=nut", content=good(60)).json()
    picture = Image.new("RGB", (64, 32), (60, 60, 60))
    picture.paste((250, 250, 250), (48, 16, 64, 32))
    answer = client.post("/predict?category=nut", content=file_of(picture)).json()
    for shown in (low["heatmap"], answer["heatmap"]):
        assert shown["scale"] == "calibrated"
        assert shown["high"] - answer["map_threshold"] == pytest.approx(
            answer["map_threshold"] - shown["low"]
        )
    assert low["heatmap"]["low"] == answer["heatmap"]["low"]
    assert (low["regions"], low["is_anomalous"]) == ([], False)
    (region,) = answer["regions"]
    x0, y0, x1, y1 = region["box"]
    assert 40 <= x0 <= 48 < x1 == 64
    assert 12 <= y0 <= 16 < y1 == 32
    assert region["peak"] == answer["score_parts"]["map"]
    assert 0.05 < region["area"] < 0.15
    assert answer["is_anomalous"]


@pytest.mark.parametrize("accept", ["image/png", "application/x-npy"])
def test_figures_stand_in_headers_where_the_body_is_no_json(
    client: TestClient, accept: str
) -> None:
    ask: dict[str, Any] = {"content": good(200), "headers": {"Accept": accept}}
    before = client.post("/predict?category=nut", **ask)
    assert not {"X-Anomaly-Threshold", "X-Is-Anomalous"} & {name.title() for name in before.headers}
    put(client, "nut", alpha=0.5)
    found = calibrate(client, "nut", range(3))
    answer = client.post("/predict?category=nut", **ask)
    assert float(answer.headers["X-Anomaly-Threshold"]) == found["anomaly_threshold"]
    assert answer.headers["X-Is-Anomalous"] == "true"
    if accept == "application/x-npy":
        assert np.load(io.BytesIO(answer.content)).shape == (16, 16)


def test_batches_decide_too(client: TestClient) -> None:
    put(client, "nut", alpha=0.5)
    calibrate(client, "nut", range(100, 103))
    images = [("image", good(grey)) for grey in (50, 200)]
    entries = client.post("/predict/batch?category=nut", files=images).json()
    assert [entry["prediction"]["is_anomalous"] for entry in entries] == [False, True]


def test_inspections_are_logged_with_their_decision(client: TestClient) -> None:
    put(client, "nut", alpha=0.5)
    calibrate(client, "nut", range(3))
    answer = client.post("/predict?category=nut&part_id=A-1&station=S2", content=good(9)).json()
    client.post("/predict?category=bolt", content=good(9))
    client.post("/predict?category=bolt", content=b"no image")
    log = client.app.state.service.ledger.log  # type: ignore[attr-defined]
    assert log.flush(30)
    rows = client.get("/inspections").json()["inspections"]
    assert [row["category"] for row in rows] == ["bolt", "nut"]
    nut = rows[1]
    for name in ("request_id", "part_id", "station", "method", "p_value", "is_anomalous"):
        assert nut[name] == answer[name]
    assert (nut["score"], nut["fingerprint"]) == (
        answer["anomaly_score"],
        answer["model"]["fingerprint"],
    )
    assert (rows[0]["p_value"], rows[0]["is_anomalous"]) == (None, None)
    assert len(client.get("/inspections?category=NUT&is_anomalous=true").json()["inspections"]) == 1


def test_no_log_where_none_is_wanted(serve: Serve) -> None:
    client = serve(log_rows=0)
    assert predict(client, "nut")["anomaly_score"] > 0
    log = client.app.state.service.ledger.log  # type: ignore[attr-defined]
    assert log.flush(30)
    assert client.get("/inspections").json()["inspections"] == []


def test_drift_is_measured_where_something_is_decided(client: TestClient) -> None:
    put(client, "nut", alpha=0.5)
    calibrate(client, "nut", range(100, 103))
    for grey in (50, 60, 200, 220):
        predict(client, "nut", good(grey))
    predict(client, "bolt")
    text = client.get("/metrics").text
    assert 'clipad_alarm_share{category="nut",method="sdp"} 0.5' in text
    assert 'clipad_drift_inspections{category="nut",method="sdp"} 4.0' in text
    assert 'category="bolt"' not in text
    assert "clipad_log_dropped_total 0.0" in text
