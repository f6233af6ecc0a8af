"""Which files an argument means."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import FieldError
from app.images.formats import OTHER_SUFFIXES, SUFFIXES
from app.offline.detection.inputs import find_inputs
from app.offline.detection.table import Format, Table


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(given: Path | str, written: Path | None = None) -> list[str]:
    return [item.name for item in find_inputs(str(given), written)]


def test_a_folder_is_its_pictures_and_those_below(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "a.JPG", "notes.txt", "deep/er/c.tif", "a.jpg.json")
    assert names(tmp_path) == ["a.JPG", "b.png", "deep/er/c.tif"]


def test_a_folder_has_every_picture_readable_or_not(tmp_path: Path) -> None:
    known = sorted(f"a{suffix}" for suffix in SUFFIXES | OTHER_SUFFIXES)
    make(tmp_path, *known, "a.txt", "a", "a.json")
    assert {"a.jfif", "a.jpe", "a.jfi", "a.dib", "a.gif", "a.jp2", "a.pgm"} <= {*known}
    assert names(tmp_path) == known


def test_litter_is_neither_in_a_folder_nor_in_a_pattern(tmp_path: Path) -> None:
    make(
        tmp_path,
        *("a.png", "deep/b.png", "._a.png", ".hidden/c.png", "Thumbs.db", "deep/.DS_Store"),
        *(f"{folder}/a.png" for folder in ("@eaDir", "deep/@eaDir", "__MACOSX", "$RECYCLE.BIN")),
        *(f"{folder}/a.png" for folder in (".ipynb_checkpoints", "#recycle", "deep/lost+found")),
    )
    assert names(tmp_path) == ["a.png", "deep/b.png"]
    for pattern in ("**/*.png", "**/*", "**"):
        assert names(tmp_path / pattern) == ["a.png", "deep/b.png"]
    assert names(tmp_path / "@eaDir") == ["a.png"]  # named, it is meant
    assert names(tmp_path / "@eaDir" / "*.png") == ["a.png"]
    listed = tmp_path / "list.txt"
    listed.write_text("._a.png\n@eaDir/a.png\n")
    assert names(listed) == ["._a.png", "@eaDir/a.png"]


def test_linked_folders_are_followed_and_links_back_are_not(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "share/b.png", "share/deep/c.png")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "share")
    (tmp_path / "share" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to(".")
    (tmp_path / "in" / "gone.png").symlink_to("nowhere")  # will be said to be unreadable
    expected = ["a.png", "gone.png", "linked/b.png", "linked/deep/c.png"]
    assert names(tmp_path / "in") == expected
    assert names(tmp_path / "in" / "**" / "*.png") == [e for e in expected if e != "gone.png"]


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


@pytest.mark.parametrize("given", ["", "*", "**/*.png", "*/*/*.png", "day-1/*/*"])
def test_heatmaps_of_other_runs_are_none_of_the_inputs(tmp_path: Path, given: str) -> None:
    make(tmp_path, "a.png", "b/c/d.png", "day-1/heatmaps/a.png.png", "day-1/heatmaps/b/x.png")
    with closing(Table(tmp_path / "day-1" / "results.csv", Format.CSV)):
        pass
    written = tmp_path / "day-2" / "heatmaps"
    try:
        found = names(tmp_path / given if given else tmp_path, written)
    except FieldError:
        found = []
    assert set(found) <= {"a.png", "b/c/d.png", "c/d.png"}
    assert found or given == "day-1/*/*"
    with pytest.raises(FieldError, match="heatmaps of an earlier run"):
        find_inputs(str(tmp_path / "day-1" / "heatmaps" / "b"))


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
