"""`ServerProcess` with its process forked: each start without seconds of imports."""

import sys
from pathlib import Path

from app.offline.bench.process import ServerProcess
from tests.e2e.serving import ROOT
from tests.forking import Program

FAULTY = [sys.executable, str(ROOT / "scripts" / "lib" / "faulty_server.py")]


class ForkedServer(ServerProcess):
    """command: Python's, and what it is told. Computes with one thread unless told otherwise."""

    def _launched(self) -> Program:  # type: ignore[override]
        assert self._command[0] == sys.executable
        environment = {"CLIPAD_THREADS": "1"} | self._environment
        return Program(self._command[1:], Path.cwd(), environment, self._log)
