"""POST /predict: both ways in, all three forms of the answer, and what each field does."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cmap
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.categories import parse_category
from app.rounding import rounded
from tests.fakes import INFO, FakeDetector
from tests.pictures import PNG, file_of, gradient
from tests.routes.conftest import Serve
from tests.waiting import wait_for

FORM: dict[str, Any] = {"files": {"image": ("a.png", PNG)}, "data": {"category": "metal nut"}}
IMAGE: dict[str, Any] = {"files": {"image": PNG}}


def expected_map() -> np.ndarray:
    """What the fake detector's map of PNG is, by its definition."""
    side = INFO.side
    small = np.asarray(gradient().resize((side, side), Image.Resampling.BICUBIC), np.float32)
    return small.mean(-1) / 255


def heatmap_of(answer: dict[str, Any]) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(answer["heatmap"]["data"])))
    assert image.format == "PNG"
    assert image.size == (answer["heatmap"]["width"], answer["heatmap"]["height"])
    return image


def test_the_whole_answer(client: TestClient) -> None:
    form = {**FORM, "data": {"category": " Line2-Nut ", "part_id": "4711", "station": "S 3"}}
    response = client.post("/predict", **form, headers={"X-Request-ID": "abc-1"})
    assert response.status_code == 200
    answer = response.json()
    peak = float(expected_map().max())
    timing = answer.pop("timing_ms")
    heatmap = answer.pop("heatmap")
    assert answer == {
        "request_id": "abc-1",
        "category": "Line2-Nut",
        "object": "Line2 Nut",
        "method": "sdp",
        "part_id": "4711",
        "station": "S 3",
        "anomaly_score": rounded(0.09) + rounded(peak),
        "score_parts": {
            "text": rounded(0.09),
            "map": rounded(peak),
        },
        "calibrated": False,
        "anomaly_threshold": None,
        "is_anomalous": None,
        "p_value": None,
        "map_threshold": None,
        "regions": [],
        "image": {"format": "PNG", "width": 40, "height": 24, "first_of_several": False},
        "model": {
            "backbone": "fake",
            "weights_sha256": "0" * 64,
            "heads_sha256": None,
            "rvs": "mean",
            "taps": "equation",
            "demo": False,
            "fingerprint": parse_category("Line2 Nut").fingerprint("f" * 64),
        },
    }
    assert (heatmap["media_type"], heatmap["scale"]) == ("image/png", "per_image")
    assert heatmap["low"] == pytest.approx(float(expected_map().min()), abs=1e-6)
    assert heatmap["high"] == pytest.approx(peak, abs=1e-6)
    assert set(timing) == {"decode", "queue", "model", "render", "total"}
    assert 0 < timing["total"] >= timing["decode"] + timing["model"] - 0.02


def test_a_raw_body_is_judged_by_its_content_whatever_it_is_announced_as(
    client: TestClient,
) -> None:
    reference = client.post("/predict", **FORM).json()["anomaly_score"]
    for announced in ("image/png", "application/x-www-form-urlencoded", "text/plain", ""):
        response = client.post(
            "/predict?category=metal%20nut&part_id=7",
            content=PNG,
            headers={"Content-Type": announced},
        )
        assert response.status_code == 200, response.text
        assert response.json()["anomaly_score"] == reference
        assert response.json()["part_id"] == "7"


def test_the_file_name_means_nothing(client: TestClient) -> None:
    files = {"image": ("report.txt", PNG, "text/plain")}
    assert client.post("/predict?category=nut", files=files).status_code == 200
    files = {"image": ("part.png", b"no image", "image/png")}
    assert client.post("/predict?category=nut", files=files).status_code == 415


def test_a_field_stands_in_the_form_or_in_the_query(client: TestClient) -> None:
    response = client.post("/predict?station=A", **FORM)
    assert (response.json()["category"], response.json()["station"]) == ("metal nut", "A")
    form = {**IMAGE, "data": {"category": "nut", "heatmap": "none", "size": "model"}}
    assert client.post("/predict?station=A", **form).json()["heatmap"] is None


def test_an_empty_form_value_leaves_the_query_s(client: TestClient) -> None:
    form = {**IMAGE, "data": {"category": "", "station": "", "heatmap": ""}}
    response = client.post("/predict?category=gear&station=A&heatmap=none", **form)
    answer = response.json()
    assert (answer["category"], answer["station"], answer["heatmap"]) == ("gear", "A", None)


def test_npy_is_the_model_s_own_map(client: TestClient) -> None:
    headers = {"Accept": "application/x-npy"}
    response = client.post("/predict?heatmap=none&size=input", **FORM, headers=headers)
    assert response.headers["content-type"] == "application/x-npy"
    anomaly = np.load(io.BytesIO(response.content), allow_pickle=False)
    assert (anomaly.dtype, anomaly.shape) == (np.float32, (INFO.side, INFO.side))
    np.testing.assert_allclose(anomaly, expected_map(), atol=1e-6)
    score = client.post("/predict", **FORM).json()["anomaly_score"]
    assert float(response.headers["X-Anomaly-Score"]) == score


def test_png_is_the_heatmap_of_the_json_answer(client: TestClient) -> None:
    response = client.post("/predict?heatmap=map", **FORM, headers={"Accept": "image/png"})
    answer = client.post("/predict?heatmap=map", **FORM).json()
    assert response.headers["content-type"] == "image/png"
    assert response.content == base64.b64decode(answer["heatmap"]["data"])
    assert float(response.headers["X-Anomaly-Score"]) == answer["anomaly_score"]
    assert "X-Anomaly-Threshold" not in response.headers
    assert "X-Is-Anomalous" not in response.headers


def test_the_overlay_shows_the_picture_and_the_map_does_not(client: TestClient) -> None:
    overlay = np.asarray(heatmap_of(client.post("/predict", **FORM).json()), int)
    alone = np.asarray(heatmap_of(client.post("/predict?heatmap=map", **FORM).json()), int)
    picture = np.asarray(gradient(), int)
    lowest = np.unravel_index(picture.sum(-1).argmin(), picture.shape[:2])
    assert np.abs(overlay[lowest] - picture[lowest]).max() < 12
    assert np.abs(alone[lowest] - picture[lowest]).max() > 50


@pytest.mark.parametrize(
    ("query", "size"),
    [("", (40, 24)), ("size=input", (40, 24)), ("size=model", (INFO.side, INFO.side))],
)
@pytest.mark.parametrize("heatmap", ["overlay", "map"])
def test_size(client: TestClient, query: str, size: tuple[int, int], heatmap: str) -> None:
    answer = client.post(f"/predict?heatmap={heatmap}&{query}", **FORM).json()
    assert heatmap_of(answer).size == size


def test_size_is_the_upright_image_s_and_capped(serve: Serve) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = {"image": file_of(gradient(400, 200), "JPEG", exif=exif)}
    answer = serve(max_heatmap_side=100).post("/predict?category=nut", files=turned).json()
    assert heatmap_of(answer).size == (50, 100)


def test_presentation_does_not_move_the_score(client: TestClient) -> None:
    queries = ("", "heatmap=map", "heatmap=none", "size=model")
    scores = {client.post(f"/predict?{q}", **FORM).json()["anomaly_score"] for q in queries}
    assert len(scores) == 1


def test_no_heatmap(client: TestClient) -> None:
    assert client.post("/predict?heatmap=none", **FORM).json()["heatmap"] is None
    refused = client.post("/predict?heatmap=none", **FORM, headers={"Accept": "image/png"})
    assert refused.status_code == 422
    assert "heatmap" in refused.json()["detail"]


def test_methods(serve: Serve) -> None:
    both = serve(FakeDetector(("sdp", "sdp_plus")))
    plain = both.post("/predict", **FORM).json()
    plus = both.post("/predict?method=sdp_plus", **FORM).json()
    assert (plain["method"], plus["method"]) == ("sdp", "sdp_plus")
    assert plus["score_parts"]["map"] == rounded(2 * float(expected_map().max()))
    configured = serve(FakeDetector(("sdp", "sdp_plus")), method="sdp_plus")
    assert configured.post("/predict", **FORM).json()["method"] == "sdp_plus"


def test_methods_that_are_not_there(client: TestClient) -> None:
    refused = client.post("/predict?method=sdp_plus", **FORM)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:clip-ad:problem:method")
    assert "no linear heads are loaded" in refused.json()["detail"]
    assert client.post("/predict?method=other", **FORM).status_code == 422
    form = {**FORM, "data": {"category": "nut", "method": "other"}}
    assert client.post("/predict", **form).json()["errors"][0]["loc"] == ["body", "method"]


def test_a_default_category(serve: Serve, detector: FakeDetector) -> None:
    client = serve(default_category="Metal_Nut")
    assert "Metal Nut" in detector.encoded  # before anybody asked
    answer = client.post("/predict", **IMAGE).json()
    assert (answer["category"], answer["object"]) == ("Metal_Nut", "Metal Nut")


def test_where_new_categories_are_not_allowed(serve: Serve) -> None:
    client = serve(default_category="nut", allow_new_categories=False)
    assert client.post("/predict?category=NUT", **IMAGE).status_code == 200
    refused = client.post("/predict?category=gear", **IMAGE)
    assert (refused.status_code, refused.json()["type"]) == (
        404,
        "urn:clip-ad:problem:unknown-category",
    )


def test_mixed_methods_and_names_in_one_batch_give_the_same_as_alone(serve: Serve) -> None:
    detector = FakeDetector(("sdp", "sdp_plus"))
    client = serve(detector)
    queries = [f"category={c}&method={m}" for c in ("nut", "gears") for m in detector.methods]

    def score(query: str) -> float:
        return float(client.post(f"/predict?{query}", **IMAGE).json()["anomaly_score"])

    alone = [score(query) for query in queries]
    assert len(set(alone)) == 4
    assert set(detector.batches) == {1}
    while detector.entered.acquire(blocking=False):
        pass
    detector.batches.clear()
    detector.gate.clear()
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(score, queries[0])
        detector.entered.acquire()  # the model is busy: what comes now waits and goes together
        together = [pool.submit(score, query) for query in queries]
        wait_for(lambda: "clipad_queue_images 4.0" in client.get("/metrics").text)
        detector.gate.set()
        assert [future.result() for future in together] == alone
        assert first.result() == alone[0]
    assert detector.batches == [1, 2, 2]  # of four that go together, two for each method


def test_the_colour_map_is_the_operator_s_choice(serve: Serve) -> None:
    tops = set()
    for name in ("inferno", "viridis"):
        answer = serve(colour_map=name).post("/predict?heatmap=map", **FORM).json()
        pixels = np.asarray(heatmap_of(answer).convert("RGB")).reshape(-1, 3)
        wanted = np.round(cmap.Colormap(name).lut(256)[[0, 255], :3] * 255).astype(int).tolist()
        assert wanted[0] in pixels.tolist()
        assert wanted[1] in pixels.tolist()
        tops.add(tuple(wanted[1]))
    assert len(tops) == 2


def test_of_several_pages_the_first_is_inspected_and_the_answer_says_so(client: TestClient) -> None:
    pages = file_of(gradient(), "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))])
    answer = client.post("/predict?category=nut", content=pages).json()
    alone = client.post("/predict?category=nut", content=PNG).json()
    assert answer["anomaly_score"] == alone["anomaly_score"]
    assert answer["image"] == {
        "format": "TIFF", "width": 40, "height": 24, "first_of_several": True,
    }  # fmt: skip
