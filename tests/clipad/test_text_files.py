"""Text features on disk: bounded, the least recently used go first."""

import os
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from app.clipad import text_files
from app.clipad.text_files import TextFiles

UNIT = torch.eye(4)[:, :2]


def names(folder: Path) -> set[str]:
    return {path.name.split(".")[0] for path in folder.glob("*.safetensors")}


def files(folder: Path, capacity: int, monkeypatch: pytest.MonkeyPatch) -> TextFiles:
    monkeypatch.setattr(text_files, "_LOOK_EVERY", 1)
    return TextFiles(folder, (4, 2), capacity)


def age(folder: Path, **seconds: float) -> None:
    for key, old in seconds.items():
        moment = time.time() - old
        os.utime(folder / f"{key}.safetensors", (moment, moment))


def test_the_least_recently_used_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = files(tmp_path, 3, monkeypatch)
    for key in ("a", "b", "c"):
        found.write(key, UNIT)
    age(tmp_path, a=30, b=20, c=10)
    assert isinstance(found.read("a"), Tensor)
    found.write("d", UNIT)
    assert names(tmp_path) == {"a", "c", "d"}
    assert (found.has("b"), found.read("b")) == (False, None)


def test_others_files_are_let_be_and_forgotten_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, old in ((".unfinished-x", 7200), (".unfinished-y", 5), ("notes.txt", 7200)):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (time.time() - old,) * 2)
    files(tmp_path, 3, monkeypatch).write("a", UNIT)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".unfinished-y", "notes.txt", "a.safetensors"}


def test_the_folder_is_not_looked_through_with_every_file(tmp_path: Path) -> None:
    found = TextFiles(tmp_path, (4, 2), capacity=1)
    for number in range(text_files._LOOK_EVERY):
        found.write(str(number), UNIT)
    assert len(names(tmp_path)) == text_files._LOOK_EVERY
    found.write("last", UNIT)
    assert names(tmp_path) == {"last"}


def test_a_folder_that_may_only_be_read_still_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = files(tmp_path, 3, monkeypatch)
    found.write("a", UNIT)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    assert torch.equal(found.read("a"), UNIT)  # type: ignore[arg-type]


def test_a_bit_that_turned_never_moves_a_score(tmp_path: Path) -> None:
    kept = TextFiles(tmp_path, (4, 2))
    kept.write("nut", UNIT)
    path = tmp_path / "nut.safetensors"
    whole = path.read_bytes()
    read = 0
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        found = kept.read("nut")
        assert found is None or torch.equal(found, UNIT)
        read += found is not None
    assert read < 8 * len(whole) / 10  # of what is neither features nor seal
    path.write_bytes(whole)
    assert kept.read("nut") is not None


def test_a_file_under_another_name_is_none(tmp_path: Path) -> None:
    kept = TextFiles(tmp_path, (4, 2))
    kept.write("nut", UNIT)
    (tmp_path / "nut.safetensors").rename(tmp_path / "bolt.safetensors")
    assert kept.read("bolt") is None
