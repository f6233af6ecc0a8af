"""Every command of docs/evaluation.md: its script exists and has the options that it gives."""

import itertools
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import open_clip
import pytest

from app.offline.datasets import LAYOUTS
from app.offline.evaluation.scorers import METHODS

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]
(SHARED,) = (line.removeprefix("B=").strip('"') for line in LINES if line.startswith("B="))
COMMANDS = [line.replace("$B", SHARED) for line in LINES if not line.startswith("B=")]


@cache
def options(program: str) -> set[str]:
    """The options that a script's help names."""
    shown = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "lib" / f"{program}.py"), "--help"],
        env={**os.environ, "COLUMNS": "200", "TERMINAL_WIDTH": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert shown.returncode == 0, shown.stderr
    return set(re.findall(r"--[a-z-]+", shown.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_name_what_exists(command: str) -> None:
    program, layout, root, *words = shlex.split(command)
    script = ROOT / program
    assert os.access(script, os.X_OK)
    assert layout in LAYOUTS
    assert root.startswith("/data/")
    assert {word for word in words if word.startswith("--")} <= options(script.name)
    given = dict(itertools.pairwise(words))
    backbone, tag = given.get("--backbone"), given.get("--weights")
    if backbone is not None:
        assert open_clip.get_pretrained_cfg(backbone, tag)
    methods = [word for option, word in itertools.pairwise(words) if option == "--method"]
    assert set(methods) <= set(METHODS)
    assert ("sdp_plus" in methods) <= ("--heads" in words)


def test_every_table_of_the_paper_has_its_commands() -> None:
    sections = TEXT.split("\n## ")
    for number in range(1, 9):
        (section,) = (part for part in sections if re.match(rf"Tables? .*\b{number}\b.*:", part))
        assert "./scripts/evaluate" in section
        assert "| pixel AUROC | F1 | AP | PRO | image AUROC | F1 | AP |" in section
