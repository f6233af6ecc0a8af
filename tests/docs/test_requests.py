"""Every request of every page, sent in the page's order; the answers shown are the true ones."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.docs.blocks import ADDRESS, Block, blocks, commands, pages
from tests.docs.conftest import Reader

ANYTHING = "..."


def requests(block: Block) -> list[str]:
    shell = block.info in ("sh", "bash")
    return [line for line in commands(block) if line.startswith("curl ")] if shell else []


ASKING = [page for page in pages() if any(requests(block) for block in blocks(page))]


def test_pages_ask_for_something() -> None:
    assert {"README.md", "docs/http.md", "docs/operations.md"} <= set(ASKING)


@pytest.mark.parametrize("page", pages())
def test_an_answer_follows_its_request(page: str) -> None:
    for before, block in zip((None, *blocks(page)), blocks(page), strict=False):
        if block.info == "json":
            assert before is not None, f"{block}: answers nothing"
            assert requests(before), f"{block}: answers nothing"


@pytest.mark.slow
@pytest.mark.parametrize("page", ASKING)
def test_requests_are_answered(page: str, reader: Reader) -> None:
    after = (*blocks(page)[1:], None)
    for block, following in zip(blocks(page), after, strict=True):
        shown = None
        if following is not None and following.info == "json":
            shown = json.loads(following.text)
        asked = requests(block)
        for command in asked:
            check(command, reader, shown if command is asked[-1] else None, str(block))


def check(command: str, reader: Reader, shown: Any, where: str) -> None:
    assert ADDRESS in command, f"{where}: {command}"
    refused = isinstance(shown, dict) and "status" in shown and shown["status"] != "ready"
    done = reader.types(command)
    assert done.returncode == (22 if refused else 0), f"{where}: {command}\n{done.stderr}"
    kept = [reader.folder / name for name in re.findall(r" (?:-o|--output) (\S+)", command)]
    for file in kept:
        look(file)
    if not kept and " -I " not in command:
        assert done.stdout, f"{where}: {command}"
    if shown is not None:
        same(shown, json.loads(done.stdout), where)
    elif not kept and re.search(r"/predict[?\s\"']|/predict$", command) and "|" not in command:
        prediction(json.loads(done.stdout))


def look(file: Path) -> None:
    """A file that was answered is what its name says."""
    match file.suffix:
        case ".png":
            with Image.open(file) as picture:
                assert picture.format == "PNG"
        case ".npy":
            anomaly = np.load(file)
            assert (anomaly.dtype, anomaly.shape) == (np.float32, (240, 240))
        case ".json":
            assert json.loads(file.read_text(encoding="utf-8"))
        case ".csv":
            with file.open(encoding="utf-8", newline="") as rows:
                assert "anomaly_score" in next(csv.reader(rows)) or "score" in file.read_text()
        case _:
            assert file.stat().st_size, file


def prediction(answer: dict[str, Any]) -> None:
    parts = answer["score_parts"]
    assert answer["anomaly_score"] == parts["text"] + parts["map"]
    assert 0 <= parts["text"] <= 1


def same(shown: Any, answered: Any, where: str) -> None:
    """What is shown of an answer is in it; `"..."` stands for anything, and for further fields."""
    if shown == ANYTHING:
        return
    if isinstance(shown, dict):
        assert isinstance(answered, dict), where
        for name, value in shown.items():
            if name != ANYTHING:
                assert name in answered, f"{where}: {name}"
                same(value, answered[name], f"{where}: {name}")
        if ANYTHING not in shown:
            assert answered.keys() == shown.keys(), where
    elif isinstance(shown, list):
        assert len(shown) == len(answered), where
        for one, other in zip(shown, answered, strict=True):
            same(one, other, where)
    elif isinstance(shown, float):
        # Two digits are shown, and another build of torch may move the last of them.
        assert answered == pytest.approx(shown, abs=0.02), f"{where}: outdated"
    else:
        assert answered == shown, f"{where}: outdated"
