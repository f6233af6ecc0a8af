"""POST /predict/batch: order, neighbours of bad images, part ids, limits."""

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
        ({"files": {"other": b"x"}}, 422, "image: is missing"),
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


def test_a_batch_does_not_fill_the_queue_with_itself(serve: Serve) -> None:
    detector = FakeDetector()
    client = serve(detector, queue_capacity=2, max_batch=2)
    entries = client.post(URL, files=images(*GREYS * 4)).json()
    assert len(entries) == 20
    assert all(entry["prediction"] for entry in entries)
    assert max(detector.batches) <= 2


def test_without_heatmaps(client: TestClient) -> None:
    (entry,) = client.post(URL + "&heatmap=none", files=images(PNG)).json()
    assert entry["prediction"]["heatmap"] is None
