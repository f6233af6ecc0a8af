"""A faulty server as a process of its own that is forked: each start without seconds of imports."""

from pathlib import Path

from app.offline.bench.process import ServerProcess
from tests.e2e.serving import ROOT
from tests.forking import Program

SERVER = [str(ROOT / "scripts" / "lib" / "faulty_server.py")]


class ForkedServer(ServerProcess):
    """command: as `tests.forking.Program` takes it."""

    def _launched(self) -> Program:  # type: ignore[override]
        return Program(self._command, Path.cwd(), self._environment, self._log)
