"""A start that fails leaves neither connections nor threads behind."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import main, parts
from app.errors import ConfigurationError, WeightsError
from app.finding import Detector
from app.main import create_app
from app.settings import Settings
from app.store.store import Store
from tests.fakes import FakeDetector
from tests.waiting import wait_for


class CountedStore(Store):
    """One that tells how many of its kind are open."""

    open = 0

    def __init__(self, url: str) -> None:
        super().__init__(url)
        CountedStore.open += 1

    def close(self) -> None:
        super().close()
        CountedStore.open -= 1


@pytest.fixture(autouse=True)
def _counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # no .env here
    monkeypatch.setattr(CountedStore, "open", 0)
    monkeypatch.setattr(parts, "Store", CountedStore)


def remaining() -> set[str]:
    """Names of the ledger's threads that are there."""
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if name.startswith(("store_", "look-up_", "inspection-"))}


def unloadable(_settings: Settings) -> Detector:
    assert CountedStore.open == 1
    raise WeightsError("weights x: no such file")


def unable(_settings: Settings) -> Detector:
    detector = FakeDetector()
    detector.detect = None  # type: ignore[assignment]
    return detector


@pytest.mark.parametrize(
    ("load", "settings"),
    [
        (unloadable, {}),
        (unable, {}),
        (lambda _settings: FakeDetector(), {"method": "sdp_plus"}),
    ],
    ids=["no weights", "no prediction", "no heads"],
)
def test_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, load: Callable[[Settings], Detector], settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(main, "load_detector", load)
    told: list[Exception] = []
    with TestClient(create_app(Settings(**settings), on_failure=told.append)) as client:
        wait_for(lambda: bool(told))
        assert (CountedStore.open, remaining()) == (0, set())
        assert client.get("/categories").status_code == 503


@pytest.mark.parametrize("settings", [{"method": "sdp_plus"}, {"default_category": "x" * 50}])
def test_before_the_first_request(settings: dict[str, Any]) -> None:
    app = create_app(Settings(**settings), FakeDetector())
    with pytest.raises(ConfigurationError), TestClient(app):
        pass
    assert (CountedStore.open, remaining()) == (0, set())


def test_one_that_is_stopped_while_it_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, gate = threading.Event(), threading.Event()

    def load(_settings: Settings) -> Detector:
        begun.set()
        gate.wait(60)
        return FakeDetector()

    monkeypatch.setattr(main, "load_detector", load)
    with TestClient(create_app(Settings())):
        assert begun.wait(60)
    assert (CountedStore.open, remaining()) == (0, set())
    gate.set()


def test_one_that_succeeds_is_closed_at_the_end() -> None:
    with TestClient(create_app(Settings(), FakeDetector())):
        assert CountedStore.open == 1
        assert remaining()
    assert (CountedStore.open, remaining()) == (0, set())
