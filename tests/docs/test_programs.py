"""Every Python block of every page runs as it stands, beside the service and its data."""

import subprocess
import sys

import pytest

from tests.docs.blocks import Block, every
from tests.docs.conftest import Reader

ENDLESS = "while True:"  # the gateway: test_gateway
PROGRAMS = [block for block in every("python") if ENDLESS not in block.text]


def test_one_program_alone_does_not_end() -> None:
    assert PROGRAMS
    assert len([block for block in every("python") if ENDLESS in block.text]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_programs_run(program: Block, reader: Reader) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", reader.meant(program.text)],
        cwd=reader.folder,
        text=True,
        capture_output=True,
        timeout=600,
    )
    assert (done.returncode, done.stderr) == (0, "")
