"""The service as a process of its own, and curl to talk to it."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from app.offline.bench.process import free_port
from tests.forking import Program
from tests.parity import files

ROOT = Path(__file__).parent.parent.parent
SERVE = ROOT / "scripts" / "serve"
START_S = 480  # only ends what would never be ready: on a busy machine a start takes minutes
_FOLDERS = ExitStack()
atexit.register(_FOLDERS.close)


def tiny_vit(folder: Path) -> dict[str, str]:
    """Settings that serve the parity data's small ViT as the released implementation reads it."""
    backbone, weights = files("tiny-vit")
    return {
        "CLIPAD_BACKBONE": backbone,
        "CLIPAD_WEIGHTS": weights,
        "CLIPAD_RVS": "mean",
        "CLIPAD_TAPS": "released",
        "CLIPAD_SMOOTHING_SIGMA": "2",
        "CLIPAD_MODEL_DIR": str(folder / "models"),
    }


def environment(settings: dict[str, str]) -> dict[str, str]:
    """This process's variables with no other settings than these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPAD_")}
    # Not the checkout's own data: what one run calibrates must not decide in the next.
    data = _FOLDERS.enter_context(tempfile.TemporaryDirectory(prefix="clip-ad-data-"))
    # Several threads each in services as small as these would only wait for each other.
    return kept | {"CLIPAD_DATA_DIR": data, "CLIPAD_THREADS": "1"} | settings


class Server:
    """A running service; its log in `log`. Leaving it ends the process with SIGTERM.

    script: started by `./scripts/serve`, as users do; else forked, which takes no seconds.
    """

    process: "subprocess.Popen[bytes] | Program"

    def __init__(
        self,
        folder: Path,
        settings: dict[str, str],
        *options: str,
        port: int | None = None,
        script: bool = False,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "server.log"
        self._log.write_text("")
        words = ["--port", str(self.port), *options]
        if not script:
            program = ["-m", "app", *words]
            self.process = Program(program, folder, environment(settings), self._log)
            return
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [SERVE, *words],
                cwd=folder,
                env=environment(settings),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def __enter__(self) -> "Server":
        end = time.monotonic() + START_S
        try:
            while self.curl("/readyz", "-o", os.devnull, "-w", "%{http_code}") != b"200":
                assert self.process.poll() is None, self.log
                assert time.monotonic() < end, self.log
                time.sleep(0.1)
        except BaseException:
            self.process.kill()
            self.process.wait(60)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    def stop(self) -> int:
        """SIGTERM, and the exit code it leads to."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(300)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def curl(self, path: str, *arguments: str, cwd: Path | None = None) -> bytes:
        """What curl prints for this path; its own exit code does not matter."""
        return subprocess.run(
            [
                str(shutil.which("curl")),
                "--silent",
                "--max-time",
                "300",
                *arguments,
                self.url + path,
            ],
            cwd=cwd,
            stdout=subprocess.PIPE,
            check=False,
        ).stdout
