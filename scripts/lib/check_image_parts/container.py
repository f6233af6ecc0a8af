"""A container without an engine: namespaces, a root that cannot be written, the image's own user.

It is alone on its network, and process 1 there, as under `docker run`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from check_image_parts.commands import CheckError

# Inside, where nobody else is.
TEMPORARY = "/tmp"  # noqa: S108  # nosec B108
VOLUMES = ("/models", "/app/data")
_SCRIPT = Path(__file__).with_name("container.sh")
_NAMESPACES = ("--mount", "--pid", "--net", "--ipc", "--uts")
_POLL_S = 0.1
_PATIENCE_S = 120.0
_SHOWN = 2000


class Container:
    """The entry point of an image's configuration, running below `root`.

    volumes: of /models and of /app/data. What it prints goes to `log`. Leaving it ends it.
    """

    def __init__(
        self, config: Mapping[str, Any], root: Path, volumes: tuple[Path, Path], log: Path
    ) -> None:
        self._user = str(config["User"])
        self._root = root
        self._log = log
        self._place = [f"--chdir={config['WorkingDir']}", *config["Env"]]
        self._check = [str(word) for word in config["Healthcheck"]["Test"][1:]]
        self._started = time.perf_counter()
        with log.open("w") as output:
            self._outside = subprocess.Popen(
                [
                    *("unshare", *_NAMESPACES, "--fork", "--kill-child"),
                    *("sh", _SCRIPT, root, self._user, *volumes, *self._place),
                    *config["Entrypoint"],
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Container:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._outside.kill()  # and with it, its child
        self._outside.wait()

    def wait_until_healthy(self) -> float:
        """Ask as the image's HEALTHCHECK does until it says yes; seconds since the start.

        Raises CheckError when it ends, or says no for too long.
        """
        while self._outside.poll() is None and self._elapsed < _PATIENCE_S:
            if self._is_up and self.run(self._check).returncode == 0:
                return self._elapsed
            time.sleep(_POLL_S)
        said = self._log.read_text(errors="replace")[-_SHOWN:]
        raise CheckError(
            f"the container was not healthy after {self._elapsed:.0f} s (it "
            f"{'runs' if self._outside.poll() is None else 'has ended'}); it said:\n{said}"
        )

    def run(self, command: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """A command inside, as `docker exec -i` runs it."""
        entered = ["nsenter", f"--target={self.pid}", *_NAMESPACES]
        user = ["setpriv", "--no-new-privs", "chroot", f"--userspec={self._user}", "--groups="]
        return subprocess.run(
            [*entered, *user, self._root, "env", "-i", *self._place, *command],
            input=given,
            capture_output=True,
        )

    @property
    def pid(self) -> int:
        """Of the container's process 1, as the host counts."""
        outside = self._outside.pid
        return int(Path(f"/proc/{outside}/task/{outside}/children").read_text().split()[0])

    def status(self, field: str) -> str:
        """What the system says of process 1."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(
            line.partition(":")[2].strip() for line in lines if line.startswith(field + ":")
        )

    def stop(self) -> tuple[int, float]:
        """SIGTERM, as `docker stop` sends; the exit code, and how many seconds it took."""
        start = time.perf_counter()
        os.kill(self.pid, signal.SIGTERM)
        try:
            code = self._outside.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            raise CheckError(f"the container runs {_PATIENCE_S:.0f} s after SIGTERM") from error
        return code, time.perf_counter() - start

    @property
    def _elapsed(self) -> float:
        return time.perf_counter() - self._started

    @property
    def _is_up(self) -> bool:
        """Whether process 1 is the image's own yet: before, there is nothing to enter."""
        try:
            return self.status("NoNewPrivs") == "1" and self.status("Uid").split()[0] != "0"
        except (OSError, IndexError):
            return False
