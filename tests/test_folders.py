"""Listing folders: litter of every system is left out, links are followed but never for ever."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.folders import folders_in, is_litter, listed, pictures_in, walk
from app.images.formats import OTHER_SUFFIXES, SUFFIXES

LITTER = (
    ".DS_Store", "._a.png", ".hidden", ".ipynb_checkpoints", ".Trash-1000", ".@__thumb",
    ".AppleDouble", ".thumbnails", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "$Recycle.Bin", "RECYCLER",
    "System Volume Information", "lost+found", "Thumbs.db", "thumbs.db", "ehthumbs.db",
    "desktop.ini", "Desktop.ini", "@Recycle", "#recycle", "@Recently-Snapshot", "#snapshot",
    "Network Trash Folder", "Temporary Items", "__pycache__", "Icon\r",
)  # fmt: skip


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def shown(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in walk(folder))


@pytest.mark.parametrize("name", LITTER)
def test_litter_is_neither_file_nor_folder(name: str, tmp_path: Path) -> None:
    assert is_litter(name)
    make(tmp_path, f"{name}/a.png", f"below/{name}", "a.png")
    assert [path.name for path in listed(tmp_path)] == ["a.png", "below"]
    assert listed(tmp_path / "below") == []
    assert shown(tmp_path) == [".", "below"]


@pytest.mark.parametrize("name", ["a.png", "@a", "#1", "recycle", "thumbs", "system", "macosx"])
def test_names_of_people_are_none(name: str) -> None:
    assert not is_litter(name)


def test_pictures_are_told_by_their_suffixes_and_are_files(tmp_path: Path) -> None:
    known = sorted(SUFFIXES | OTHER_SUFFIXES)
    make(tmp_path, *(f"a{suffix}" for suffix in known), "B.JPG", "a.txt", "png", "a.png.json")
    make(tmp_path, "folder.png/a.txt")
    os.mkfifo(tmp_path / "pipe.png")  # to read it would wait for ever
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "gone.png").symlink_to("nowhere")  # said to be unreadable, not passed over
    expected = sorted(["B.JPG", "gone.png", "link.png", *(f"a{suffix}" for suffix in known)])
    assert [path.name for path in pictures_in(tmp_path)] == expected
    assert [path.name for path in folders_in(tmp_path)] == ["folder.png"]


def test_linked_folders_are_followed_each_real_one_once(tmp_path: Path) -> None:
    make(tmp_path, "in/b/1.png", "elsewhere/2.png", "elsewhere/deep/3.png")
    (tmp_path / "in" / "a").symlink_to("b")  # the folder itself is taken, not the link before it
    (tmp_path / "in" / "c").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "d").symlink_to("nowhere")
    assert shown(tmp_path / "in") == [".", "b", "c", "c/deep"]


@pytest.mark.parametrize("target", [".", "..", "../..", "../../.."])
def test_a_link_back_is_not_followed(target: str, tmp_path: Path) -> None:
    make(tmp_path, "beside/0.png", "in/a/b/1.png")
    (tmp_path / "in" / "a" / "b" / "back").symlink_to(target)
    assert shown(tmp_path / "in") == [".", "a", "a/b"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    for name in ("in", "x", "y"):
        make(tmp_path, f"{name}/{name}.png")
    for name, other in (("in", "x"), ("x", "y"), ("y", "x"), ("y", "in")):
        for twin in ("1", "2"):  # two to each: followed blindly, their paths double at every step
            (tmp_path / name / f"to-{other}-{twin}").symlink_to(tmp_path / other)
    assert shown(tmp_path / "in") == [".", "to-x-1", "to-x-1/to-y-1"]


def test_what_is_skipped_is_not_entered(tmp_path: Path) -> None:
    make(tmp_path, "in/results/heatmaps/a.png", "in/a.png")
    found = [path.name for path in walk(tmp_path / "in", lambda path: path.name == "results")]
    assert found == ["in"]


def test_a_folder_that_cannot_be_listed_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "closed/a.png")
    really = Path.iterdir

    def closed(folder: Path) -> Iterator[Path]:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return really(folder)

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(PermissionError, match="closed"):
        list(walk(tmp_path))
