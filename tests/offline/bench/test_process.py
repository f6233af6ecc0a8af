"""A server as a process: waited for, measured, ended; one that fails says why."""

import os
import sys
from pathlib import Path

import pytest

from app.offline.bench.process import ServerProcess

SERVER = """
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass

print({name: value for name, value in os.environ.items() if name.startswith("CLIPAD_")}, flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""


def test_a_server_comes_up_is_measured_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPAD_BACKBONE", "other")
    log = tmp_path / "log"
    settings = {"CLIPAD_MODEL_DIR": "here"}
    with ServerProcess([sys.executable, "-c", SERVER], settings, log) as server:
        assert 0 < server.ready_s < 60
        if Path("/proc/self/status").exists():
            assert 1 < server.memory_mib() <= server.memory_mib("VmHWM")
        pid = server._process.pid
    assert log.read_text().strip() == str(settings)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"did not come up: .*no such thing"):
        ServerProcess(
            [sys.executable, "-c", "raise SystemExit('no such thing')"], {}, tmp_path / "l"
        )
