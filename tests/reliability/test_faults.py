"""Faults while serving: what the client sees, what the probes say, and what comes after."""

import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from fastapi.testclient import TestClient
from torch import Tensor

from app.clipad.detector import Detection
from tests.fakes import FakeDetector
from tests.pictures import PNG
from tests.routes.conftest import Serve
from tests.waiting import wait_for


class FaultyDetector(FakeDetector):
    """Raises the next of its faults, if one is left, instead of computing."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[BaseException] = []

    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Detection:
        if self.faults:
            raise self.faults.pop()
        return super().detect(images, text, method)


def status(client: TestClient, path: str = "/predict?category=nut") -> int:
    if path.startswith("/predict"):
        return client.post(path, content=PNG).status_code
    return client.get(path).status_code


def test_an_error_of_the_model_is_its_request_s_own(serve: Serve) -> None:
    detector = FaultyDetector()
    client = serve(detector)
    detector.faults = [RuntimeError("a kernel failed")]
    answer = client.post("/predict?category=nut", content=PNG)
    assert (answer.status_code, "kernel" in answer.text) == (500, False)
    assert (status(client), status(client, "/readyz")) == (200, 200)


def test_memory_that_runs_short_is_503_and_then_all_is_well(serve: Serve) -> None:
    detector = FaultyDetector()
    client = serve(detector)
    detector.faults = [torch.OutOfMemoryError("CUDA out of memory")]
    answer = client.post("/predict?category=nut", content=PNG)
    assert answer.status_code == 503
    assert "out of memory" in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert status(client) == 200


def test_a_dead_model_thread_turns_readiness_red_and_is_replaced(serve: Serve) -> None:
    detector = FaultyDetector()
    client = serve(detector)
    # The first is met by a request, the second by the trial of the new thread.
    detector.faults = [SystemExit(2), SystemExit(1)]
    answer = client.post("/predict?category=nut", content=PNG)
    assert answer.status_code == 503
    wait_for(lambda: status(client, "/readyz") == 503)
    assert status(client, "/healthz") == 200
    wait_for(lambda: status(client, "/readyz") == 200)
    assert status(client) == 200
    assert detector.faults == []


def test_a_model_that_hangs_turns_all_red_and_everybody_is_told(serve: Serve) -> None:
    detector = FakeDetector()
    client = serve(detector, model_timeout_s=0.5)
    detector.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(status, client) for _ in range(4)]
        assert [future.result(30) for future in waiting] == [503] * 4
    assert [status(client, path) for path in ("/healthz", "/readyz")] == [503, 503]
    assert status(client) == 503
    assert "clipad_ready 0.0" in client.get("/metrics").text
    detector.gate.set()


def test_a_slow_model_within_its_time_is_no_fault(serve: Serve) -> None:
    detector = FakeDetector()
    client = serve(detector, model_timeout_s=30)
    detector.gate.clear()
    threading.Timer(1.5, detector.gate.set).start()
    assert status(client) == 200
    assert status(client, "/readyz") == 200
