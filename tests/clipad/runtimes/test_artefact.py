"""Models on disk: made once, made again when damaged, served from where nothing can be written."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.clipad.runtimes.artefact import artefact_key, keep_model
from app.clipad.runtimes.openvino_package import import_openvino

openvino = import_openvino()
CORE = openvino.Core()


class Maker:
    def __init__(self, value: float = 1.0) -> None:
        self.made = 0
        self.value = value

    def __call__(self) -> Any:
        self.made += 1
        given = openvino.opset13.parameter([1], np.float32)
        added = openvino.opset13.constant([self.value], np.float32)
        return openvino.Model([openvino.opset13.add(given, added)], [given])


def test_made_once_and_found_again(tmp_path: Path) -> None:
    make = Maker()
    _, first = keep_model(CORE, tmp_path / "new", "key", make)
    model, again = keep_model(CORE, tmp_path / "new", "key", make)
    assert (make.made, first) == (1, again)
    assert CORE.compile_model(model, "CPU")(np.array([2.0], np.float32))[0] == [3.0]
    keep_model(CORE, tmp_path / "new", "other key", make)
    assert make.made == 2


def test_other_weights_have_another_sha256(tmp_path: Path) -> None:
    _, one = keep_model(CORE, None, "key", Maker(1.0))
    _, two = keep_model(CORE, None, "key", Maker(2.0))
    _, kept = keep_model(CORE, tmp_path, "key", Maker(2.0))
    assert one != two == kept


@pytest.mark.parametrize("name", ["model.bin", "model.xml", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_what_is_damaged_is_made_again(tmp_path: Path, name: str, damage: str) -> None:
    make = Maker()
    _, sha256 = keep_model(CORE, tmp_path, "key", make)
    file = tmp_path / "key" / name
    if damage == "gone":
        file.unlink()
    else:
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2] if damage == "cut" else b"x" + data[1:])
    assert keep_model(CORE, tmp_path, "key", make)[1] == sha256
    assert make.made == 2
    keep_model(CORE, tmp_path, "key", make)
    assert make.made == 2
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["key"]


def test_where_nothing_can_be_written_it_is_made_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "a file, no folder"
    place.write_text("")
    make = Maker()
    with caplog.at_level(logging.WARNING):
        keep_model(CORE, place, "key", make)
    assert make.made == 1
    assert "will be made anew at every start" in caplog.text


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> Any:
        raise RuntimeError("no model")

    with pytest.raises(RuntimeError, match="no model"):
        keep_model(CORE, tmp_path, "key", fail)
    assert not (tmp_path / "key").exists()


def test_keys_tell_their_parts_apart() -> None:
    assert artefact_key(["a", 1]) == artefact_key(["a", 1])
    assert len({artefact_key(parts) for parts in (["a", 1], ["a", 2], ["a1"], [1, "a"])}) == 4
