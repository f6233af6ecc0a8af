"""What every answer tells a browser, and what none does."""

import pytest
from fastapi.testclient import TestClient

from tests.pictures import PNG
from tests.routes.conftest import Serve


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("POST", "/predict?category=nut", 200),
        ("POST", "/predict", 422),
        ("GET", "/nowhere", 404),
        ("PATCH", "/predict", 405),
    ],
)
def test_headers_of_every_answer(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path, content=PNG if method == "POST" else None)
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_error_nobody_expected_has_them_too(serve: Serve) -> None:
    client = serve()
    client.app.state.service.metrics = None  # type: ignore[attr-defined]
    answer = client.get("/metrics")
    assert answer.status_code == 500
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_docs_may_run_their_own_script(client: TestClient) -> None:
    policy = client.get("/docs").headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "http" not in policy


def test_other_origins_are_told_nothing(client: TestClient) -> None:
    headers = {"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "POST"):
        answer = client.request(method, "/predict?category=nut", headers=headers, content=PNG)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
