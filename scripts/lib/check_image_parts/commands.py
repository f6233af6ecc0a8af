"""Commands of the system: run, and told in one line when they fail."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

_SHOWN = 20


class CheckError(Exception):
    """The check cannot go on; the message says why."""


def run(words: Sequence[str | Path], log: Path | None = None) -> str:
    """What the command prints; with a log that is there while it runs, complaints among it.

    Raises CheckError with the end of what it said.
    """
    if log is None:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True)
        code, out, said = done.returncode, done.stdout, done.stderr or done.stdout
    else:
        with log.open("wb") as file:
            code = subprocess.call(
                words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )
        out = said = log.read_bytes()
    if code != 0:
        shown = said.decode(errors="replace").strip().splitlines()[-_SHOWN:]
        raise CheckError(
            f"{' '.join(str(word) for word in words)}: exit code {code}, expected 0:\n"
            + "\n".join(shown)
        )
    return out.decode(errors="replace")
