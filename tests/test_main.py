"""Composition: loading beside the event loop, and what happens when it fails."""

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app import main, parts
from app.clipad.runtimes.torch_runtime import Compilation, TorchRuntime
from app.errors import ConfigurationError, WeightsError
from app.finding import Detector
from app.main import configure_threads, create_app
from app.settings import Settings
from tests.fakes import FakeDetector
from tests.pictures import PNG
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # no .env here


def loading(monkeypatch: pytest.MonkeyPatch, load: Callable[[Settings], Detector]) -> None:
    monkeypatch.setattr(main, "load_detector", load)


def test_it_answers_while_the_weights_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def load(_settings: Settings) -> Detector:
        gate.wait(60)
        return FakeDetector()

    loading(monkeypatch, load)
    with TestClient(create_app(Settings())) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        assert client.post("/predict?category=nut", content=PNG).status_code == 503
        gate.set()
        wait_for(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/predict?category=nut", content=PNG).status_code == 200


@pytest.mark.parametrize("error", [WeightsError("no such file"), ZeroDivisionError("odd")])
def test_what_cannot_be_loaded_is_told_and_never_ready(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def load(_settings: Settings) -> Detector:
        raise error

    loading(monkeypatch, load)
    told: list[Exception] = []
    with TestClient(create_app(Settings(), on_failure=told.append)) as client:
        wait_for(lambda: bool(told))
        assert told == [error]
        answer = client.get("/readyz")
        assert (answer.status_code, "failed" in answer.json()["detail"]) == (503, True)
    traces = [record for record in caplog.records if record.exc_info]
    assert len(traces) == (0 if isinstance(error, ConfigurationError) else 1)


def test_without_anyone_to_tell_a_failure_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def load(_settings: Settings) -> Detector:
        raise WeightsError("weights x: no such file")

    loading(monkeypatch, load)
    with TestClient(create_app(Settings())):
        wait_for(lambda: "cannot start: weights x: no such file" in caplog.text)
    assert {record.levelno for record in caplog.records if "cannot" in record.msg} == {
        logging.ERROR
    }


def test_a_detector_that_cannot_predict_does_not_get_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector = FakeDetector()
    detector.detect = None  # type: ignore[assignment]
    loading(monkeypatch, lambda _settings: detector)
    told: list[Exception] = []
    with TestClient(create_app(Settings(), on_failure=told.append)) as client:
        wait_for(lambda: bool(told))
        assert client.get("/readyz").status_code == 503


def test_settings_reach_the_detector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, object] = {}

    def build(**options: object) -> Detector:
        asked.update(options)
        return FakeDetector()

    monkeypatch.setattr(parts, "build_detector", build)
    settings = Settings(
        backbone="RN50",
        weights="openai",
        rvs="kde",
        dbscan_eps=1.5,
        dbscan_min_samples=25,
        taps="released",
        smoothing_sigma=0,
        device="cpu",
        dtype="float32",
        compile="on",
        model_dir=tmp_path,
    )
    parts.load_detector(settings)
    rvs = asked.pop("rvs")
    assert (rvs.method, rvs.dbscan_eps, rvs.dbscan_min_samples) == ("kde", 1.5, 25)  # type: ignore[attr-defined]
    assert asked == {
        "backbone": "RN50",
        "weights": "openai",
        "heads": None,
        "device": "cpu",
        "dtype": "float32",
        "runtime": TorchRuntime(Compilation.ON),
        "taps": "released",
        "sigma": 0,
        "model_dir": tmp_path,
        "demo": False,
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(default_category="a/b"), "CLIPAD_DEFAULT_CATEGORY: category 'a/b' contains"),
        (Settings(api_keys=","), "CLIPAD_API_KEYS: holds no key"),
    ],
)
def test_settings_that_cannot_be_used(settings: Settings, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        create_app(settings)


def test_a_default_category_must_fit_the_context() -> None:
    app = create_app(Settings(default_category="x" * 50), FakeDetector())
    words = "^CLIPAD_DEFAULT_CATEGORY: 'x+' is longer"
    with pytest.raises(ConfigurationError, match=words), TestClient(app):
        pass


def test_a_method_needs_its_heads() -> None:
    app = create_app(Settings(method="sdp_plus"), FakeDetector())
    with pytest.raises(ConfigurationError, match="CLIPAD_METHOD='sdp_plus'"), TestClient(app):
        pass


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(main.torch, "set_num_threads", chosen.append)
    monkeypatch.setattr(main, "usable_cpus", lambda: 5)
    configure_threads(Settings(threads=3))
    configure_threads(Settings())
    assert chosen == [3, 5]


def test_who_leaves_is_not_computed() -> None:
    """A client that hangs up while its image waits leaves the queue, and the log says 499."""
    detector = FakeDetector()
    app = create_app(Settings(), detector)
    with TestClient(app) as client:
        detector.gate.clear()
        first = threading.Thread(target=lambda: client.post("/predict?category=a", content=PNG))
        first.start()
        detector.entered.acquire()
        detector.entered.acquire()
        assert client.portal is not None
        client.portal.call(hang_up, app)
        assert 'route="/predict",status="499"} 1.0' in client.get("/metrics").text
        assert "clipad_queue_images 0.0" in client.get("/metrics").text
        detector.gate.set()
        first.join()
    assert detector.batches == [1, 1]


async def hang_up(app: object) -> None:
    """Post an image over bare ASGI and leave as soon as it waits in the queue."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/predict",
        "raw_path": b"/predict",
        "root_path": "",
        "query_string": b"category=b",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    messages = [{"type": "http.request", "body": PNG, "more_body": False}]

    async def receive() -> dict[str, object]:
        if messages:
            return messages.pop()
        batcher = app.state.service.inspector.batcher  # type: ignore[attr-defined]
        while batcher.waiting == 0:
            await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        raise AssertionError(f"nobody is there for {message}")

    await app(scope, receive, send)  # type: ignore[operator]
