"""A server as a process of its own: started, waited for, its memory read, stopped.

Knows nothing of what is served but the path that says it is ready.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import httpx

_POLL_S = 0.02
_PATIENCE_S = 300.0
_END_S = 60.0
# Below what systems give to connections that go out: such a port stays free until it is used. Each
# process begins elsewhere, so that those which look for one at the same time do not meet.
_PORTS = range(12_000, 32_000)
_turns = itertools.count(os.getpid() * 101)


class ServerProcess:
    """`command` with `--port` and a free one of the loopback behind it.

    environment replaces this process's variables, its CLIPAD_* ones being dropped; what the server
    prints goes to `log`. Leaving it ends the process. Raises RuntimeError when it does not come up.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._command = [*command, "--port", str(self.port)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPAD_")}
        self._environment = kept | dict(environment)
        log.write_text("")
        self.start()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def start(self) -> None:
        """Start it on its port, again when it has ended; returns once it is ready.

        `ready_s` is how long that took. Raises RuntimeError when it does not come up.
        """
        start = time.perf_counter()
        self._process = self._launched()
        try:
            self._wait_until_ready()
        except BaseException:
            self._process.kill()
            raise
        self.ready_s = time.perf_counter() - start

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        return self._process.pid

    def terminate(self) -> None:
        """SIGTERM, without waiting for what comes of it."""
        self._process.terminate()

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._process.poll()

    def memory_mib(self, field: str = "VmRSS") -> float:
        """Resident memory now, or with `VmHWM` at its highest; nan where the system hides it."""
        try:
            lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        except OSError:
            return float("nan")
        return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))

    def _launched(self) -> subprocess.Popen[bytes]:
        with self._log.open("a") as output:
            return subprocess.Popen(  # noqa: S603 (a command of our own)
                self._command,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _wait_until_ready(self) -> None:
        end = time.perf_counter() + _PATIENCE_S
        while not _answers(self.url + "/readyz"):
            if self._process.poll() is not None or time.perf_counter() > end:
                raise RuntimeError(f"the server did not come up: {self._log.read_text()[-2000:]}")
            time.sleep(_POLL_S)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def free_port() -> int:
    """A port of the loopback that nobody listens at; another one each time."""
    while True:
        port = _PORTS[next(_turns) % len(_PORTS)]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
