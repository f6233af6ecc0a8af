"""Every error is a problem, with its status, and nothing a client sends is a 500."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.http.schemas import Problem
from app.parts import TEXT_THREADS
from tests.fakes import FakeDetector
from tests.pictures import PNG, RED, file_of, gradient
from tests.routes.conftest import Serve
from tests.waiting import wait_for

IMAGE: dict[str, Any] = {"files": {"image": PNG}}
CUT = PNG[: len(PNG) // 2]


def problem(response: Response, status: int) -> Problem:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    answer = Problem.model_validate(response.json())
    assert answer.status == status
    assert answer.request_id == response.headers["X-Request-ID"]
    assert answer.detail
    return answer


@pytest.mark.parametrize(
    ("path", "options", "status", "words"),
    [
        ("/predict?category=nut", {"files": {"image": CUT}}, 400, "does not decode"),
        ("/predict?category=nut", {"content": CUT}, 400, "does not decode"),
        ("/predict?category=nut", {"files": {"image": b"hello"}}, 415, "allowed image format"),
        ("/predict?category=nut", {"content": b"hello"}, 415, "allowed image format"),
        ("/predict?category=nut", {"files": {"image": b""}}, 415, "empty content"),
        ("/predict?category=nut", {"json": {"image": "x"}}, 415, "multipart/form-data"),
        ("/predict?category=nut", {}, 422, "image: is missing"),
        ("/predict", {"data": {"category": "nut"}, "files": {"other": b"x"}}, 422, "image"),
        ("/predict", {"files": {"category": (None, "nut")}}, 422, "image: is missing"),
        ("/predict", IMAGE, 422, "category: is missing"),
        ("/predict?category=", IMAGE, 422, "category: is missing"),
        ("/predict?category=%20", IMAGE, 422, "has 0 characters"),
        ("/predict?category=a/b", IMAGE, 422, "contains '/'"),
        (f"/predict?category={'x' * 65}", IMAGE, 422, "65 characters"),
        (f"/predict?category={'x' * 50}", IMAGE, 422, "longer than the fake's context"),
        ("/predict?category=nut&heatmap=big", IMAGE, 422, "heatmap"),
        ("/predict?category=nut&size=huge", IMAGE, 422, "size"),
        (f"/predict?category=nut&part_id={'x' * 129}", IMAGE, 422, "part_id"),
        ("/predict?category=nut&station=a%0Ab", IMAGE, 422, "station"),
        (
            "/predict",
            {"files": [("image", PNG), ("category", b"a"), ("category", b"b")]},
            422,
            "category: is given 2 times",
        ),
        ("/predict?category=nut", {"files": [("image", PNG)] * 2}, 422, "expected at most 1"),
        ("/nowhere", IMAGE, 404, "Not Found"),
        ("/docs/assets/nothing.js", IMAGE, 405, "Method Not Allowed"),
        ("/healthz", IMAGE, 405, "Method Not Allowed"),
    ],
)
def test_problems(
    client: TestClient, path: str, options: dict[str, Any], status: int, words: str
) -> None:
    answer = problem(client.post(path, **options), status)
    assert words in answer.detail
    assert answer.instance == path.partition("?")[0]


def test_several_wrong_fields_are_all_named(client: TestClient) -> None:
    answer = problem(client.post("/predict?heatmap=x&size=y", **IMAGE), 422)
    assert [error["loc"] for error in answer.errors or []] == [
        ["query", "heatmap"],
        ["query", "size"],
    ]


def test_not_acceptable(client: TestClient) -> None:
    response = client.post("/predict?category=nut", **IMAGE, headers={"Accept": "text/html"})
    assert "expected one of application/json, image/png" in problem(response, 406).detail
    headers = {"Accept": "image/png"}
    problem(client.post("/predict/batch?category=nut", **IMAGE, headers=headers), 406)


@pytest.mark.parametrize("limits", [{"max_upload_bytes": 100}, {"max_pixels": 40 * 24 - 1}])
@pytest.mark.parametrize("options", [IMAGE, {"content": PNG}])
def test_too_large(serve: Serve, limits: dict[str, int], options: dict[str, Any]) -> None:
    answer = problem(serve(**limits).post("/predict?category=nut", **options), 413)
    (limit,) = limits.values()
    assert f"expected at most {limit}" in answer.detail


def test_a_failure_of_ours_says_only_its_id(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = problem(client.post("/predict?category=nut", content=RED), 500)
    assert answer.request_id in answer.detail
    assert "saw" not in answer.model_dump_json()
    assert "the fake saw red" in caplog.text
    assert client.post("/predict?category=nut", **IMAGE).status_code == 200


def test_the_deadline(serve: Serve, detector: FakeDetector) -> None:
    client = serve(request_timeout_s=0.2)
    detector.gate.clear()
    assert "0.2 s" in problem(client.post("/predict?category=nut", **IMAGE), 504).detail
    detector.gate.set()
    wait_for(lambda: client.post("/predict?category=nut", **IMAGE).status_code == 200)


def test_a_full_queue(serve: Serve, detector: FakeDetector) -> None:
    client = serve(queue_capacity=1, max_batch=1)
    while detector.entered.acquire(blocking=False):
        pass
    detector.gate.clear()

    def post() -> Response:
        return client.post("/predict?category=nut", **IMAGE)

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(post) for _ in range(2)]
        detector.entered.acquire()
        wait_for(lambda: "clipad_queue_images 1.0" in client.get("/metrics").text)
        refused = client.post("/predict?category=nut", **IMAGE)
        detector.gate.set()
        assert [future.result().status_code for future in waiting] == [200, 200]
    problem(refused, 429)
    assert int(refused.headers["Retry-After"]) >= 1


def test_too_many_new_categories(serve: Serve, detector: FakeDetector) -> None:
    client = serve(max_new_categories_per_minute=2)
    for name in ("one", "two"):
        assert client.post(f"/predict?category={name}", **IMAGE).status_code == 200
    refused = client.post("/predict?category=three", **IMAGE)
    problem(refused, 429)
    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    assert "three" not in detector.encoded
    assert client.post("/predict?category=two", **IMAGE).status_code == 200


def test_slow_new_names_do_not_hold_up_known_ones(serve: Serve, detector: FakeDetector) -> None:
    client = serve()
    assert client.post("/predict?category=known", **IMAGE).status_code == 200
    detector.texts.clear()
    paths = [f"/predict?category=slow{number}" for number in range(TEXT_THREADS)]
    with ThreadPoolExecutor(len(paths)) as pool:
        new = [pool.submit(client.post, path, **IMAGE) for path in paths]
        wait_for(lambda: all(detector.asked[f"slow{n}"] for n in range(TEXT_THREADS)))
        assert client.post("/predict?category=known", **IMAGE).status_code == 200
        assert not any(future.done() for future in new)
        detector.texts.set()
        assert {future.result().status_code for future in new} == {200}


@pytest.mark.parametrize(
    ("keys", "header", "status"),
    [
        (None, None, 200),
        ("one, two", "Bearer one", 200),
        ("one, two", "bearer two", 200),
        ("one, two", "Bearer three", 401),
        ("one, two", "Bearer one, two", 401),
        ("one, two", "Basic one", 401),
        ("one, two", "Bearer ", 401),
        ("one, two", None, 401),
    ],
)
def test_keys(serve: Serve, keys: str | None, header: str | None, status: int) -> None:
    client = serve(api_keys=keys)
    headers = {"Authorization": header} if header else {}
    for path in ("/predict?category=nut", "/predict/batch?category=nut"):
        response = client.post(path, **IMAGE, headers=headers)
        assert response.status_code == status
        if status == 401:
            problem(response, 401)
            assert response.headers["WWW-Authenticate"] == "Bearer"
    for path in ("/healthz", "/readyz", "/metrics", "/model", "/docs", "/openapi.json", "/"):
        assert client.get(path).status_code == 200


def test_a_wrong_key_is_told_before_anything_else(serve: Serve) -> None:
    client = serve(api_keys="one")
    problem(client.post("/predict?heatmap=x", content=b"", headers={"Accept": "x/y"}), 401)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.builds(lambda cut, tail: PNG[:cut] + tail, st.integers(0, len(PNG)), st.binary()),
        st.just(file_of(gradient().convert("L"), "TIFF")),
        st.just(file_of(Image.new("P", (1, 1)), "BMP")),
    ),
    kind=st.sampled_from(
        ["image/png", "multipart/form-data; boundary=b", "application/json", "multipart/mixed", "x"]
    ),
    category=st.text(max_size=70),
    accept=st.sampled_from(["*/*", "image/png", "application/x-npy", "image/*;q=0.3,x"]),
)
def test_nothing_a_client_sends_is_a_500(
    client: TestClient, body: bytes, kind: str, category: str, accept: str
) -> None:
    response = client.post(
        "/predict",
        params={"category": category},
        content=body,
        headers={"Content-Type": kind, "Accept": accept},
    )
    assert response.status_code < 500 or response.status_code == 429
