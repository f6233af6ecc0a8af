"""The README itself: short, its first answer is the service's, its picture the one answered."""

import io
import shlex
import subprocess

import numpy as np
import pytest
from PIL import Image

from tests.docs.blocks import ROOT, blocks, commands, pages
from tests.docs.conftest import Reader
from tests.docs.test_requests import requests

README = "README.md"


def test_it_is_short() -> None:
    assert len(pages()[README].splitlines()) <= 130


def test_the_two_commands_come_first() -> None:
    first, second = blocks(README)[:2]
    told = [shlex.split(command, comments=True) for command in commands(first)]
    assert told[1:] == [["./scripts/serve"], ["./scripts/test"]]
    assert len(requests(second)) == 1


@pytest.mark.slow
def test_its_picture_is_the_one_that_is_answered(reader: Reader) -> None:
    (asked,) = requests(blocks(README)[1])
    command = reader.meant(asked).replace("curl ", "curl -sS -H 'Accept: image/png' ")
    done = subprocess.run(["bash", "-c", command], cwd=reader.folder, capture_output=True)
    picture = ROOT / "docs" / "pictures" / "heatmap.png"
    with Image.open(io.BytesIO(done.stdout)) as answered, Image.open(picture) as shown:
        assert answered.size == shown.size
        difference = np.asarray(answered, float) - np.asarray(shown.convert("RGB"), float)
    assert np.abs(difference).mean() < 2, "run scripts/lib/doc_pictures.py"
