"""The service as it is without any setting, once, and a folder such as a reader stands in."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.docs.blocks import ADDRESS, ROOT
from tests.e2e.serving import Server

SAMPLES = ROOT / "model_weights" / "demo" / "samples"
GOOD_PARTS = 24


class Reader:
    """Somebody in a folder of their own who types what a page says."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server

    def types(self, command: str) -> "subprocess.CompletedProcess[str]":
        """A shell command with its requests sent to the server, those refused ending with 22."""
        told = re.sub(r"\bcurl(?= )", "curl -sS --fail-with-body", self.meant(command))
        return subprocess.run(
            ["bash", "-c", told], cwd=self.folder, text=True, capture_output=True, timeout=600
        )

    def meant(self, text: str) -> str:
        """A page's text with the server's true address."""
        return text.replace(ADDRESS, self.server.url.removeprefix("http://"))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service's folder of data."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with Server(folder, {"CLIPAD_DATA_DIR": str(data)}) as server:
        yield server


@pytest.fixture
def reader(tmp_path: Path, server: Server, data: Path) -> Reader:
    """In a folder with the project's samples, pictures of parts and the service's data."""
    furnish(tmp_path)
    (tmp_path / "data").symlink_to(data)
    return Reader(tmp_path, server)


def furnish(folder: Path) -> None:
    """The files that the pages speak of."""
    shutil.copytree(SAMPLES, folder / SAMPLES.relative_to(ROOT))
    shade = np.linspace(40, 200, 320, dtype=np.uint8)
    picture = Image.fromarray(np.broadcast_to(shade, (240, 320)).copy()).convert("RGB")
    for name in ("part.png", "part.jpg", "other.png"):
        picture.save(folder / name)
    inside = np.zeros((240, 320), bool)
    inside[60:180, 80:240] = True
    Image.fromarray(inside).save(folder / "mask.png")
    (folder / "notes.txt").write_text("not a picture\n")
    (folder / "good").mkdir()
    with Image.open(SAMPLES / "wood-good.png") as good:
        for number in range(GOOD_PARTS):  # other pixels each: equal files are counted as such
            left, top = number % 6, number // 6
            part = good.crop((left, top, left + 224, top + 224))
            part.save(folder / "good" / f"{number}.png")
