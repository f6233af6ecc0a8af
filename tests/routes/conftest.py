"""A client of the whole application with the fake detector in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.fakes import FakeDetector

Serve = Callable[..., TestClient]


@pytest.fixture
def detector() -> FakeDetector:
    return FakeDetector()


@pytest.fixture
def serve(
    detector: FakeDetector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Serve]:
    """Start the application with these settings; at the test's end all of them are shut down."""
    monkeypatch.chdir(tmp_path)  # no .env here
    with ExitStack() as stack:

        def start(detector: FakeDetector = detector, **settings: Any) -> TestClient:
            app = create_app(Settings(**settings), detector)
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield start
        detector.gate.set()
        detector.texts.set()


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()
