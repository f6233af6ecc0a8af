"""Connections of a process that is ending."""

from fastapi.testclient import TestClient

from app.serving.lifecycle import Lifecycle
from tests.pictures import PNG


def test_answers_close_the_connection_once_the_process_ends(client: TestClient) -> None:
    lifecycle: Lifecycle = client.app.state.service.lifecycle  # type: ignore[attr-defined]
    answer = client.post("/predict?category=nut", content=PNG)
    assert (answer.status_code, answer.headers.get("connection")) == (200, None)
    lifecycle.drain()
    answer = client.post("/predict?category=nut", content=PNG)
    assert (answer.status_code, answer.headers["connection"]) == (503, "close")
