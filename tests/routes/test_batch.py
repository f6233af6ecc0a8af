"""POST /predict/batch: order, neighbours of bad images, part ids, limits."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.fakes import FakeDetector
from tests.pictures import PNG, RED, file_of
from tests.routes.conftest import Serve

URL = "/predict/batch?category=metal_nut"
GREYS = [file_of(Image.new("L", (8, 8), value)) for value in (0, 50, 100, 150, 200)]


def images(*files: bytes) -> list[tuple[str, Any]]:
    return [("image", (f"{number}.png", data)) for number, data in enumerate(files)]


def test_the_same_answers_as_alone_in_the_same_order(client: TestClient) -> None:
    response = client.post(URL, files=images(*GREYS))
    assert response.status_code == 200
    alone = [
        client.post("/predict?category=metal_nut", content=data).json()["anomaly_score"]
        for data in GREYS
    ]
    entries = response.json()
    assert [entry["prediction"]["anomaly_score"] for entry in entries] == alone
    assert [entry["index"] for entry in entries] == [0, 1, 2, 3, 4]
    assert [entry["filename"] for entry in entries] == [f"{n}.png" for n in range(5)]
    assert {entry["problem"] for entry in entries} == {None}
    assert {entry["prediction"]["object"] for entry in entries} == {"metal nut"}


def test_bad_images_do_not_fail_their_neighbours(serve: Serve) -> None:
    client = serve(max_upload_bytes=2000)
    bad = [b"no image", PNG[:80], b"x" * 2001, RED]
    response = client.post(URL, files=images(PNG, *bad, PNG))
    assert response.status_code == 200
    first, *problems, last = response.json()
    assert first["prediction"]["anomaly_score"] == last["prediction"]["anomaly_score"]
    assert [entry["problem"]["status"] for entry in problems] == [415, 400, 413, 500]
    assert {entry["prediction"] for entry in problems} == {None}


def test_part_ids_belong_to_their_images(client: TestClient) -> None:
    data = {"part_id": ["a", "", "c"], "station": "S1"}
    entries = client.post(URL, files=images(*GREYS[:3]), data=data).json()
    assert [entry["prediction"]["part_id"] for entry in entries] == ["a", None, "c"]
    assert {entry["prediction"]["station"] for entry in entries} == {"S1"}


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"files": images(*GREYS), "data": {"part_id": ["a"]}}, 422, "given 1 times"),
        ({"files": images(*GREYS), "data": {"part_id": ["a\x01"] * 5}}, 422, "part_id"),
        ({"files": images(*GREYS[:2] * 2)}, 200, ""),
        ({"files": images(*GREYS)}, 422, "expected at most 4"),
        ({"files": {"station": (None, "S1")}}, 422, "image: is missing"),
        ({"files": {"other": b"x"}}, 422, "body.other: is not known; expected image"),
        ({"json": []}, 415, "multipart"),
    ],
)
def test_limits(serve: Serve, options: dict[str, Any], status: int, words: str) -> None:
    settings = {"max_images": 4} if words != "given 1 times" else {}
    if words == "part_id":
        settings = {}
    response = serve(**settings).post(URL, **options)
    assert response.status_code == status, response.text
    assert words in response.text


def test_a_batch_of_more_images_than_there_are_places_takes_them_all(
    serve: Serve, detector: FakeDetector
) -> None:
    client = serve(queue_capacity=1, max_batch=1, max_images=32)
    while detector.entered.acquire(blocking=False):
        pass
    detector.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(client.post, URL, files=images(*GREYS))
        detector.entered.acquire()
        assert client.post("/predict?category=nut", content=PNG).status_code == 429
        detector.gate.set()
        assert [entry["problem"] for entry in batch.result().json()] == [None] * 5
    assert client.post("/predict?category=nut", content=PNG).status_code == 200


def test_a_batch_does_not_fill_the_queue_with_itself(serve: Serve) -> None:
    detector = FakeDetector()
    client = serve(detector, queue_capacity=2, max_batch=2)
    entries = client.post(URL, files=images(*GREYS * 4)).json()
    assert len(entries) == 20
    assert all(entry["prediction"] for entry in entries)
    assert max(detector.batches) <= 2


def test_a_category_that_cannot_be_used_fails_the_whole_request(client: TestClient) -> None:
    refused = client.post(f"/predict/batch?category={'x' * 50}", files=images(*GREYS))
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:clip-ad:problem:object-name"
    assert "longer than the fake's context" in refused.json()["detail"]


def test_too_many_new_categories_fail_the_whole_request(
    serve: Serve, detector: FakeDetector
) -> None:
    client = serve(max_new_categories_per_minute=1)
    assert client.post(URL, files=images(*GREYS)).status_code == 200
    refused = client.post("/predict/batch?category=gear", files=images(*GREYS))
    assert refused.status_code == 429
    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    assert "gear" not in detector.encoded
    assert client.post(URL, files=images(*GREYS)).status_code == 200


def test_without_heatmaps(client: TestClient) -> None:
    (entry,) = client.post(URL + "&heatmap=none", files=images(PNG)).json()
    assert entry["prediction"]["heatmap"] is None
