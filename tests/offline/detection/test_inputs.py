"""Which files an argument means."""

import os
from pathlib import Path

import pytest

from app.errors import FieldError
from app.offline.detection.inputs import find_inputs


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(given: Path | str) -> list[str]:
    return [item.name for item in find_inputs(str(given))]


def test_a_folder_is_its_pictures_and_those_below(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "a.JPG", "notes.txt", "deep/er/c.tif", "a.jpg.json")
    assert names(tmp_path) == ["a.JPG", "b.png", "deep/er/c.tif"]


def test_a_pattern(tmp_path: Path) -> None:
    make(tmp_path, "one/a.png", "two/a.png", "two/b.png", "two/deep/a.png")
    assert names(tmp_path / "*" / "a.png") == ["one/a.png", "two/a.png"]
    assert names(tmp_path / "**" / "a.png") == ["one/a.png", "two/a.png", "two/deep/a.png"]
    assert names(tmp_path / "two" / "?.png") == ["a.png", "b.png"]


def test_a_list_keeps_its_order_and_each_file_once(tmp_path: Path) -> None:
    make(tmp_path / "set", "b.png", "sub/a.png")
    make(tmp_path, "other/b.png", "third/b.png")
    listed = tmp_path / "set" / "list.txt"
    listed.write_text(
        "﻿# good parts\nsub/a.png\n\nb.png\nsub/a.png\n../other/b.png\n../third/b.png\n"
    )
    found = names(listed)
    assert found[:2] == ["sub/a.png", "b.png"]
    assert len({*found}) == len(found) == 4
    assert all(name.startswith("elsewhere/") and name.endswith("-b.png") for name in found[2:])


def test_our_own_pictures_are_none_of_the_inputs(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "out/b.png", "out/heatmaps/a.png.png", "out/heatmaps/deep/c.png.png")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    written = tmp_path / "link" / "heatmaps"
    for given in (tmp_path, tmp_path / "**" / "*.png"):
        found = find_inputs(str(given), written)
        assert {item.path.resolve().relative_to(tmp_path).as_posix() for item in found} == {
            "a.png", "out/b.png",
        }  # fmt: skip
    with pytest.raises(FieldError, match="expected a folder with pictures"):
        find_inputs(str(written), written)


def test_a_picture_alone(tmp_path: Path) -> None:
    make(tmp_path, "a.bin")
    assert names(tmp_path / "a.bin") == ["a.bin"]


@pytest.mark.parametrize("given", ["gone", "*.png", "empty"])
def test_nothing_is_said(tmp_path: Path, given: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FieldError, match=given.replace("*", r"\*")):
        find_inputs(str(tmp_path / given))


def test_names_are_one_line_of_text_and_kept_apart(tmp_path: Path) -> None:
    make(tmp_path, "a  b.png", "a b.png", "new\nline.png", "ü =1.png")
    (tmp_path / os.fsdecode(b"latin\xfc.png")).touch()
    assert names(tmp_path) == [
        "a  b.png", "a b.png", "latin\\udcfc.png", "new\\nline.png", "ü =1.png",
    ]  # fmt: skip
