"""Programs of the project as processes that are forked from one which has imported what is slow.

A Python that starts from nothing takes seconds for torch and what else the service is built on.
Such a process has a folder, an environment, output and signals of its own as any other; what it
does not show: the shell scripts, and what is read while Python starts or torch is imported
(`OMP_NUM_THREADS`, here 1). Where these matter tests start the real thing.
"""

import atexit
import contextlib
import functools
import itertools
import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.preloaded"])
ROOT = Path(__file__).parent.parent
_numbers = itertools.count()


@functools.cache
def _said() -> Path:
    """A folder for what programs print."""
    folder = tempfile.TemporaryDirectory(prefix="clip-ad-said-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@functools.cache
def ready() -> None:
    """Starts the process that is forked; it imports from the folder that it is started in."""
    # Several threads each in processes as small as these would only wait for each other.
    with contextlib.chdir(ROOT), pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        multiprocessing.forkserver.ensure_running()


class Program:
    """`python WORDS...` in `folder` with these variables and no others.

    words: `-m` and a module or a file, and what it is told. output: where it prints to; without it
    `communicate` gives what it has printed. Otherwise as subprocess.Popen has it.
    """

    def __init__(
        self,
        words: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str],
        output: Path | None = None,
    ) -> None:
        number = next(_numbers)
        self._out = output or _said() / f"{number}.out"
        self._errors = output or _said() / f"{number}.errors"
        ready()
        said = [str(word) for word in words]
        self._process = CONTEXT.Process(
            target=_become,
            args=(said, str(folder), dict(environment), str(self._out), str(self._errors)),
            name=f"{said[:2]} {number}",
            daemon=True,  # one that was forgotten ends with the tests
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it printed, and what it said of errors, once it has ended."""
        self.wait(timeout)
        return self._out.read_text("utf-8"), self._errors.read_text("utf-8")


def run(
    words: Sequence[str | Path], folder: Path, environment: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """A program that ends by itself."""
    program = Program(words, folder, environment)
    try:
        out, errors = program.communicate(timeout)
    except subprocess.TimeoutExpired:
        program.kill()
        raise
    return subprocess.CompletedProcess(list(words), program.wait(), out, errors)


def _become(
    words: list[str], folder: str, environment: dict[str, str], out: str, errors: str
) -> None:
    for path, stream in ((out, sys.stdout), (errors, sys.stderr)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, os.path.dirname(words[0]))
        runpy.run_path(words[0], run_name="__main__")
