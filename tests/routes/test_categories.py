"""/categories: registered, changed a bit at a time, forgotten, carried to another machine."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.categories import Category
from app.clipad.prompts import Domain, abnormal_states
from app.inspection import Inspector
from app.rounding import rounded
from tests.fakes import FakeDetector
from tests.pictures import PNG, file_of
from tests.routes.conftest import Serve
from tests.waiting import wait_for

LEFT_HALF = [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]
INDUSTRIAL_DEFECTS = list(abnormal_states(Domain.INDUSTRIAL))


def good(grey: int) -> bytes:
    return file_of(Image.new("RGB", (32, 32), (grey, grey, grey)))


def put(client: TestClient, id: str, **change: Any) -> dict[str, Any]:
    answer = client.put(f"/categories/{id}", json=change)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def calibrate(client: TestClient, id: str, greys: range) -> dict[str, Any]:
    images = [("image", (f"{grey}.png", good(grey))) for grey in greys]
    answer = client.post(f"/categories/{id}/calibration", files=images)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def predict(client: TestClient, id: str, data: bytes = PNG) -> dict[str, Any]:
    answer = client.post("/predict", params={"category": id, "heatmap": "none"}, content=data)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_nothing_is_registered_at_first(client: TestClient) -> None:
    assert client.get("/categories").json() == []
    for answer in (client.get("/categories/nut"), client.delete("/categories/nut")):
        assert (answer.status_code, answer.json()["type"]) == (
            404,
            "urn:clip-ad:problem:unknown-category",
        )


def test_a_put_encodes_the_words_and_predictions_use_them(
    client: TestClient, detector: FakeDetector
) -> None:
    found = put(client, "line2-nut", object="metal nut")
    assert (found["id"], found["object"], found["domain"]) == (
        "line2-nut",
        "metal nut",
        "industrial",
    )
    assert (found["registered"], found["cached"], found["alpha"]) == (True, True, 0.05)
    assert detector.encoded == {"object": 1, "metal nut": 1}
    answer = predict(client, "Line2-Nut")
    assert (answer["category"], answer["object"]) == ("Line2-Nut", "metal nut")
    assert answer["score_parts"]["text"] == rounded(0.09)
    assert [one["id"] for one in client.get("/categories").json()] == ["line2-nut"]


def test_a_body_is_not_needed(client: TestClient) -> None:
    assert client.put("/categories/nut").json()["object"] == "nut"


def test_what_is_left_out_stays_and_null_is_the_default(client: TestClient) -> None:
    put(client, "nut", object="metal nut", alpha=0.1, roi=LEFT_HALF, rvs="mean")
    found = put(client, "nut", domain="skin", normal_states=["clean {}"])
    assert (found["object"], found["alpha"], found["roi"], found["rvs"], found["domain"]) == (
        "metal nut",
        0.1,
        LEFT_HALF,
        "mean",
        "skin",
    )
    reset = put(client, "nut", **dict.fromkeys(("object", "roi", "normal_states", "rvs")))
    assert (reset["object"], reset["roi"], reset["normal_states"], reset["rvs"]) == (
        "nut",
        None,
        None,
        None,
    )
    assert client.delete("/categories/NUT").status_code == 204
    assert client.get("/categories/nut").status_code == 404


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"alpha": 0}, "alpha"),
        ({"alpha": "nan"}, "alpha"),
        ({"domain": "cooking"}, "domain"),
        ({"normal_states": ["no braces"]}, "expected words around one '{}'"),
        ({"normal_states": ["{} and {}"]}, "expected words around one '{}'"),
        ({"normal_states": ["{}"]}, "expected words around one '{}'"),
        ({"abnormal_states": []}, "abnormal_states"),
        (
            {"normal_states": ["a {}", "{} b"], "abnormal_states": ["{}  B", "A {}", "a {}"]},
            "say the same of 'metal nut'",
        ),
        ({"normal_states": INDUSTRIAL_DEFECTS}, "say the same of 'metal nut'"),
        ({"roi": [[[0, 0], [200, 0], [200, 100]]]}, "shares"),
        ({"roi": "bm90IGEgcG5n"}, "PNG"),
        ({"object": "x" * 41}, "longer than the fake's context"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_outside_the_rules_is_refused_and_changes_nothing(
    client: TestClient, change: dict[str, Any], says: str
) -> None:
    put(client, "nut", object="metal nut")
    answer = client.put("/categories/nut", json=change)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert says in json.dumps(answer.json(), ensure_ascii=False)
    assert client.get("/categories/nut").json()["object"] == "metal nut"


def test_states_that_differ_in_part_are_allowed(client: TestClient) -> None:
    put(client, "nut", normal_states=["a {}", "{} b"], abnormal_states=["a {}"])
    answer = client.put("/categories/nut", json={"normal_states": ["A {}"]})
    assert answer.status_code == 422  # only with what is stored the same
    put(client, "nut", normal_states=["A {}"], abnormal_states=None)


def test_a_change_keeps_what_another_has_changed_meanwhile(
    client: TestClient, detector: FakeDetector
) -> None:
    put(client, "nut")
    detector.texts.clear()
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(put, client, "nut", object="slow nut")
        wait_for(lambda: detector.asked["slow nut"] == 1)
        put(client, "nut", alpha=0.25)
        detector.texts.set()
        assert (slow.result()["object"], slow.result()["alpha"]) == ("slow nut", 0.25)
    found = client.get("/categories/nut").json()
    assert (found["object"], found["alpha"]) == ("slow nut", 0.25)


def test_the_words_that_result_are_encoded_before_the_answer(
    client: TestClient, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[Category] = []
    learn = Inspector.learn

    async def watched(self: Inspector, category: Category) -> None:
        learnt.append(category)
        await learn(self, category)

    monkeypatch.setattr(Inspector, "learn", watched)
    detector.texts.clear()
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(put, client, "slow-nut", domain="skin")
        wait_for(lambda: detector.asked["slow nut"] == 1)
        put(client, "slow-nut", object="bolt")
        detector.texts.set()
        found = slow.result()
    assert (found["object"], found["domain"]) == ("bolt", "skin")
    wording = learnt[-1].wording
    assert (wording.object, wording.domain) == ("bolt", "skin")


def test_only_registered_ones_where_new_ones_are_not_allowed(serve: Serve) -> None:
    client = serve(allow_new_categories=False)
    assert client.post("/predict?category=nut", content=PNG).status_code == 404
    put(client, "nut")
    assert predict(client, "nut")["object"] == "nut"


def test_what_one_server_registers_another_sees(serve: Serve, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    one, other = serve(database_url=url), serve(FakeDetector(), database_url=url)
    put(one, "nut", object="metal nut", alpha=0.5)
    assert predict(other, "nut")["object"] == "metal nut"
    calibrate(one, "nut", range(10, 40, 10))
    assert predict(one, "nut")["calibrated"]
    wait_for(lambda: predict(other, "nut")["calibrated"] is True)  # within its `fresh_s`
    ours, theirs = predict(one, "nut"), predict(other, "nut")
    for name in ("anomaly_threshold", "p_value", "is_anomalous"):
        assert theirs[name] == ours[name] is not None


def test_outside_its_region_the_map_counts_for_nothing(client: TestClient) -> None:
    picture = Image.new("RGB", (32, 32))
    picture.paste((128, 128, 128), (0, 0, 16, 32))
    picture.paste((240, 240, 240), (16, 0, 32, 32))
    data = file_of(picture)
    whole = predict(client, "nut", data)
    put(client, "nut", roi=LEFT_HALF)
    left = predict(client, "nut", data)
    assert left["score_parts"]["map"] < whole["score_parts"]["map"]
    assert left["anomaly_score"] == pytest.approx(
        left["score_parts"]["text"] + left["score_parts"]["map"]
    )
    mask = Image.new("L", (8, 8))
    mask.paste(255, (4, 0, 8, 8))
    put(client, "nut", roi=base64.b64encode(file_of(mask)).decode())
    assert predict(client, "nut", data)["score_parts"]["map"] == whole["score_parts"]["map"]


def test_other_words_or_another_region_ask_for_a_new_calibration(client: TestClient) -> None:
    put(client, "nut", alpha=0.5)
    calibrate(client, "nut", range(10, 40, 10))
    assert predict(client, "nut")["calibrated"]
    for change in ({"object": "metal nut"}, {"roi": LEFT_HALF}, {"rvs": "pca"}):
        (state,) = put(client, "nut", **change)["calibrations"]
        assert (state["state"], state["n"], state["outdated"]) == ("outdated", 0, 3)
        assert "other words" in state["reason"]
        answer = predict(client, "nut")
        assert (answer["calibrated"], answer["is_anomalous"]) == (False, None)
        (state,) = put(client, "nut", **dict.fromkeys(change))["calibrations"]
        assert (state["state"], state["n"]) == ("calibrated", 3)


def test_another_alpha_needs_no_images(client: TestClient) -> None:
    calibrate(client, "nut", range(10, 200, 10))
    (state,) = put(client, "nut", alpha=0.04)["calibrations"]
    assert (state["state"], state["n"], state["needed"]) == ("too_few", 19, 24)
    (state,) = put(client, "nut", alpha=0.1)["calibrations"]
    assert (state["state"], state["expected_rate"]) == ("calibrated", 2 / 20)


def test_the_size_of_what_can_be_seen(client: TestClient) -> None:
    put(client, "nut")
    shown = client.get("/categories/nut?width=400&height=200").json()["resolution"]
    assert shown == {
        "cells": 4,
        "cell_share": 0.25,
        "cell_width_px": 100.0,
        "cell_height_px": 50.0,
    }


def test_keys_are_asked_for(serve: Serve) -> None:
    client = serve(api_keys="secret")
    for method, path in (
        ("GET", "/categories"),
        ("PUT", "/categories/nut"),
        ("DELETE", "/categories/nut"),
        ("POST", "/categories/nut/calibration"),
        ("GET", "/categories/nut/export"),
        ("POST", "/categories/import"),
        ("GET", "/inspections"),
    ):
        assert client.request(method, path, json={}).status_code == 401, path


SPELLINGS = ("metal_nut", "Metal nut", "METAL-NUT", "metal__nut")


def test_an_id_is_found_in_every_spelling_and_answers_in_the_one_that_was_posted(
    serve: Serve,
) -> None:
    client = serve(default_category="Metal-Nut", allow_new_categories=False)
    put(client, "metal nut", alpha=0.25)
    for number, id in enumerate(SPELLINGS):
        assert calibrate(client, id, range(10 * number, 10 * number + 2))["n"] == 2 * number + 2
    for id in SPELLINGS:
        view = client.get(f"/categories/{id}").json()
        assert (view["id"], view["calibrations"][0]["n"]) == ("metal nut", 8)
        answer = predict(client, id)
        assert (answer["category"], answer["calibrated"]) == (id, True)
    unnamed = client.post("/predict", files={"image": good(1)}).json()
    assert (unnamed["category"], unnamed["calibrated"]) == ("metal nut", True)
    assert client.post("/predict?category=metalnut", content=good(1)).status_code == 404
    asked = {"category": "METAL nut"}
    wait_for(lambda: len(client.get("/inspections", params=asked).json()["inspections"]) == 5)
    file = client.get("/categories/Metal_Nut/export").json()
    assert client.post("/categories/import", json=file | {"id": "METAL_NUT"}).status_code == 200
    assert [found["id"] for found in client.get("/categories").json()] == ["METAL_NUT"]
    assert client.delete("/categories/metal-nut").status_code == 204
    assert client.get("/categories").json() == []
