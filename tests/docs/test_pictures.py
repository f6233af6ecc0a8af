"""docs/pictures and the measured tables of docs/how-it-works.md: what the demo gives today."""

import io
import re
import runpy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.docs.blocks import ROOT, pages

SCRIPT = ROOT / "scripts" / "lib" / "doc_pictures.py"
FOLDER = ROOT / "docs" / "pictures"
BY_HAND = {"page.webp"}  # of runs/screenshots, which tests/page leaves
AGAIN = "run scripts/lib/doc_pictures.py"


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[dict[str, bytes], dict[str, str]]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(SCRIPT.parent)  # as when it is run
        yield runpy.run_path(str(SCRIPT))["made"]()
    torch.set_num_threads(threads)


@pytest.mark.slow
def test_pictures_are_todays(made: Any) -> None:
    pictures, _ = made
    assert {path.name for path in FOLDER.iterdir()} == pictures.keys() | BY_HAND
    for name, data in pictures.items():
        before = (FOLDER / name).read_bytes()
        if name.endswith(".svg"):
            np.testing.assert_allclose(numbers(before), numbers(data), atol=2, err_msg=AGAIN)
        else:
            assert np.abs(pixels(before) - pixels(data)).mean() < 2, f"{name}: {AGAIN}"


@pytest.mark.slow
def test_tables_are_todays(made: Any) -> None:
    _, tables = made
    page = pages()["docs/how-it-works.md"]
    for name, table in tables.items():
        shown = page.partition(f"<!-- {name}: ")[2].partition(f"\n<!-- {name} end")[0]
        # What is rounded may fall to the other side on another machine.
        np.testing.assert_allclose(numbers(shown), numbers(table), atol=0.002, err_msg=AGAIN)


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 350_000


def numbers(text: str | bytes) -> list[float]:
    said = text.decode() if isinstance(text, bytes) else text
    return [float(number) for number in re.findall(r"(?<![\w#])-?\d+\.\d+", said)]


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"), float)
