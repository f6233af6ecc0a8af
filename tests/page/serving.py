"""The whole application with a fake model, served from a thread: at once there, at once gone."""

import threading
import time
from types import TracebackType
from typing import Any

import httpx
import uvicorn

from app.http.protocol import ImpatientProtocol
from app.main import create_app
from app.settings import Settings
from tests.fakes import FakeDetector

_PATIENCE_S = 300


class Served:
    """A running service at `url`; leaving it ends it, with its port free for another.

    Its data are where CLIPAD_DATA_DIR says: another one in the same test finds them again.
    """

    def __init__(
        self, detector: FakeDetector | None = None, *, port: int = 0, **settings: Any
    ) -> None:
        self.detector = detector or FakeDetector()
        app = create_app(Settings(**settings), self.detector)
        config = uvicorn.Config(app, port=port, log_config=None, http=ImpatientProtocol)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        self.port = self._listening()
        self.url = f"http://127.0.0.1:{self.port}"
        self._wait_until_ready()

    def __enter__(self) -> "Served":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.detector.gate.set()
        self._server.should_exit = True
        self._thread.join(_PATIENCE_S)
        assert not self._thread.is_alive()

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        """What another client does meanwhile."""
        options.setdefault("timeout", _PATIENCE_S)
        with httpx.Client(base_url=self.url, trust_env=False) as http:
            return http.request(method, path, **options).raise_for_status()

    def _listening(self) -> int:
        end = time.monotonic() + _PATIENCE_S
        while not self._server.started:
            assert self._thread.is_alive(), "the server ended while it started"
            assert time.monotonic() < end
            time.sleep(0.01)
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return port

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + _PATIENCE_S
        while httpx.get(f"{self.url}/readyz", trust_env=False).status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.01)
