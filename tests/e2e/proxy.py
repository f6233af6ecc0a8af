"""nginx with the project's own configuration, in front of servers that run on this machine."""

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest

from app.offline.bench.process import free_port
from tests.e2e.serving import ROOT
from tests.waiting import wait_for

HTTP = httpx.Client(timeout=300, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
"""Asks over a new connection each time."""

CONFIGURATION = ROOT / "deploy" / "nginx.conf"
_SEARCHED = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])


def binary() -> str:
    """Where nginx is; without one the test is skipped, and says so."""
    found = shutil.which("nginx", path=_SEARCHED)
    if found is None:
        pytest.skip(
            "NOT TESTED behind a proxy: there is no nginx on this machine; "
            "install Debian's package `nginx`"
        )
    return found


def version() -> tuple[int, ...]:
    said = subprocess.run([binary(), "-v"], stderr=subprocess.PIPE, text=True, check=True).stderr
    return tuple(int(number) for number in re.findall(r"\d+", said.partition("nginx/")[2])[:3])


def configuration(port: int, addresses: list[str], **changes: str) -> str:
    """The configuration for this machine's port and addresses; the rest of it as it is.

    changes: other values of directives, wherever they are.
    """
    text = CONFIGURATION.read_text("utf-8")

    def servers(found: re.Match[str]) -> str:
        return "\n".join(f"server {address}{found[1]};" for address in addresses)

    text, named = re.subn(r"server replica:8000 resolve([^;]*);", servers, text)
    text, listened = re.subn(r"listen 8080;", f"listen 127.0.0.1:{port};", text)
    assert (named, listened) == (2, 1)
    for name, value in changes.items():
        text, changed = re.subn(rf"{name} [^;]+;", f"{name} {value};", text)
        assert changed >= 1, name
    return text


class Proxy:
    """nginx as a process, not as root; entering waits until it listens, leaving ends it."""

    def __init__(self, text: str, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.folder = Path(tempfile.mkdtemp(prefix="clip-ad-proxy-"))
        (self.folder / "nginx.conf").write_text(text, "utf-8")
        self._log, self._errors = self.folder / "log", self.folder / "errors"
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with self._log.open("wb") as log, self._errors.open("wb") as errors:
            if identity:
                for path in (self.folder, self._log, self._errors):
                    os.chown(path, identity["user"], identity["group"])
            self.process = subprocess.Popen(
                [binary(), "-e", "stderr", "-p", f"{self.folder}/", "-c", "nginx.conf"],
                cwd=self.folder,
                stdout=log,
                stderr=errors,
                **identity,
            )

    def __enter__(self) -> "Proxy":
        wait_for(self._listens)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        shutil.rmtree(self.folder)

    @property
    def errors(self) -> str:
        return self._errors.read_text("utf-8")

    def log(self) -> list[dict[str, Any]]:
        """What the proxy has said of the requests that are over."""
        return [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]

    def said_of(self, request_id: str) -> dict[str, Any]:
        """What it says of one; waits until that one is over."""
        wait_for(lambda: any(line["id"] == request_id for line in self.log()))
        (line,) = (line for line in self.log() if line["id"] == request_id)
        return line

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.errors
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def in_front_of(addresses: list[str], **changes: str) -> Proxy:
    """A proxy on a free port for these addresses."""
    port = free_port()
    return Proxy(configuration(port, addresses, **changes), port)
