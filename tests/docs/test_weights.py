"""model_weights/README.md: the files it names have the size and sha256 that it says."""

import hashlib
import re

from tests.docs.blocks import ROOT, pages


def test_files_are_the_ones_described() -> None:
    page = pages()["model_weights/README.md"]
    rows = re.findall(r"^\| `(demo/\S+)` \| (\d+) \| `([0-9a-f]{64})` \|", page, re.MULTILINE)
    folder = ROOT / "model_weights"
    shipped = {f"demo/{path.name}" for path in folder.glob("demo/*.safetensors")}
    assert shipped <= {name for name, _, _ in rows}
    for name, size, sha256 in rows:
        data = (folder / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (int(size), sha256), name
