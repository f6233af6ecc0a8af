"""Calibration over HTTP: what is answered is the formula over the samples' own scores."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app import inspection
from app.calibration import rate_95
from app.images.region import Inside, Roi, inside
from app.registry import Registry
from app.rounding import rounded
from app.standing import Standing
from tests.fakes import FakeDetector
from tests.pictures import PNG, RED, file_of
from tests.routes.conftest import Serve
from tests.routes.test_categories import LEFT_HALF, calibrate, good, predict, put
from tests.waiting import wait_for


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
    assert [answer.json()[name] for name in ("n", "added", "failed")] == [2, 2, 3]


def test_nothing_usable_registers_nothing(client: TestClient) -> None:
    answer = client.post("/categories/nut/calibration", files={"image": b"text"})
    assert (answer.status_code, answer.json()["n"]) == (200, 0)
    assert client.get("/categories").json() == []
    empty = client.post("/categories/nut/calibration", files={"category": (None, "nut")})
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
    put(client, "nut", alpha=0.2)
    assert calibrate(client, "nut", range(3))["repeated"] == 0
    found = calibrate(client, "nut", range(1, 4))
    assert (found["n"], found["repeated"], found["added"]) == (6, 2, 3)
    for path in ("/categories/nut", "/categories/nut/calibration"):
        answer = client.get(path).json()
        (state,) = answer["calibrations"]
        assert (answer["alpha"], state["n"], state["repeated"]) == (0.2, 6, 2)
        assert state["reason"].startswith("decides by 6 good images; 2 of them repeat the file of")


def test_the_state_in_words(client: TestClient) -> None:
    def reason(**change: Any) -> str:
        (state,) = put(client, "nut", **change)["calibrations"]
        said: str = state["reason"]
        return said

    assert reason(alpha=0.5) == "0 good images, 1 is needed"
    calibrate(client, "nut", range(1))
    assert reason() == "decides by 1 good image"
    assert reason(alpha=0.05) == "1 good image, 19 are needed"
    calibrate(client, "nut", range(1))
    assert reason() == (
        "2 good images, 19 are needed; 1 of them repeats the file of an earlier one, while the "
        "stated rates hold for as many different parts as images"
    )
    client.delete(f"/categories/nut/calibration/{listed(client)[0]['id']}")
    rest = "measured with another model, other words or another region and"
    assert reason(rvs="pca") == f"0 good images, 19 are needed; 1 more was {rest} does not count"
    calibrate(client, "nut", range(1))
    assert reason(rvs="mean").endswith(f"; 2 more were {rest} do not count")


def test_samples_once_kept_are_answered_however_long_it_took(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(request_timeout_s=2)
    add = Registry.add

    async def slow(self: Registry, *args: Any, **options: Any) -> Standing:
        found = await add(self, *args, **options)
        await asyncio.sleep(2.2)
        return found

    monkeypatch.setattr(Registry, "add", slow)
    assert calibrate(client, "nut", range(2))["n"] == 2
    assert len(listed(client)) == 2


def test_measuring_ends_at_the_time_limit(serve: Serve, detector: FakeDetector) -> None:
    client = serve(request_timeout_s=0.5)
    detector.gate.clear()
    answer = client.post("/categories/nut/calibration", files={"image": good(1)})
    detector.gate.set()
    (entry,) = answer.json()["entries"]
    assert (entry["problem"]["status"], answer.json()["added"]) == (504, 0)
    assert client.get("/categories").json() == []


def test_a_category_deleted_meanwhile_does_not_come_back(
    client: TestClient, detector: FakeDetector
) -> None:
    put(client, "nut")
    wait_for(lambda: detector.entered.acquire(timeout=0.1) is False)  # earlier runs are over
    detector.gate.clear()
    with ThreadPoolExecutor() as pool:
        posted = pool.submit(client.post, "/categories/nut/calibration", files={"image": good(1)})
        assert detector.entered.acquire(timeout=60)
        assert client.delete("/categories/nut").status_code == 204
        detector.gate.set()
        answer = posted.result()
    assert (answer.status_code, answer.json()["type"]) == (
        404,
        "urn:clip-ad:problem:unknown-category",
    )
    assert client.get("/categories").json() == []


@pytest.mark.parametrize("where", ["params", "data"])
def test_a_field_that_names_another_category_is_refused(client: TestClient, where: str) -> None:
    def post(name: str) -> tuple[int, str]:
        said: dict[str, Any] = {where: {"category": name}}
        answer = client.post("/categories/nut/calibration", files={"image": good(1)}, **said)
        return answer.status_code, answer.text

    status, text = post("bolt")
    assert (status, "'bolt'" in text, "'nut'" in text) == (422, True, True)
    assert client.get("/categories").json() == []
    assert [post(name)[0] for name in ("nut", " NUT ", "")] == [200] * 3
    assert len(listed(client)) == 3


def test_medians_are_of_the_region_which_is_read_beside_the_event_loop(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[bool] = []

    def watched(roi: Roi, side: int) -> Inside:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            beside.append(True)
        else:
            beside.append(False)
        return inside(roi, side)

    put(client, "nut", roi=LEFT_HALF)
    picture = Image.new("RGB", (32, 32), (51, 51, 51))
    picture.paste((204, 204, 204), (16, 0, 32, 32))
    monkeypatch.setattr(inspection, "inside", watched)
    files = {"image": file_of(picture)}
    assert client.post("/categories/nut/calibration", files=files).json()["n"] == 1
    assert True in beside
    (sample,) = listed(client)
    assert sample["scores"][0]["map_median"] == rounded(0.2)
    assert sample["scores"][0]["map_max"] < 0.8


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


@pytest.mark.parametrize("accept", ["application/json", "image/png", "application/x-npy"])
def test_figures_stand_in_headers_whatever_the_body_is(client: TestClient, accept: str) -> None:
    ask: dict[str, Any] = {"content": good(200), "headers": {"Accept": accept}}
    before = client.post("/predict?category=nut", **ask)
    assert not {"X-Anomaly-Threshold", "X-Is-Anomalous"} & {name.title() for name in before.headers}
    put(client, "nut", alpha=0.5)
    found = calibrate(client, "nut", range(3))
    answer = client.post("/predict?category=nut", **ask)
    assert float(answer.headers["X-Anomaly-Threshold"]) == found["anomaly_threshold"]
    assert answer.headers["X-Is-Anomalous"] == "true"
    assert float(answer.headers["X-Anomaly-Score"]) > found["anomaly_threshold"]
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
