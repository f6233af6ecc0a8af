"""Which files a pattern fits."""

import glob
from pathlib import Path

import pytest

from app.offline.detection.pattern import fitting, fixed_part

NAMES = (
    "a.png", "b.jpg", "notes.txt", "IMG_1", "x[1].png", "one/a.png", "one/two/a.png",
    "one/two/c.tif",
)  # fmt: skip
LITTER = (
    ".a.png", "._a.png", "@eaDir/a.png/thumb.png", "one/@eaDir/a.png", "__MACOSX/one/._a.png",
    "$RECYCLE.BIN/a.png", ".ipynb_checkpoints/a-checkpoint.png", "Thumbs.db", "one/desktop.ini",
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (*NAMES, *LITTER):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def found(root: Path, pattern: str, skipped: str = "") -> list[str]:
    paths = fitting(str(root / pattern), lambda folder: folder.name == skipped)
    return sorted({path.relative_to(root).as_posix() for path in paths})


@pytest.mark.parametrize(
    "pattern",
    ["*.png", "?.*g", "*/*.png", "one/*/a.png", "**/*.png", "**/two/*", "one/**/a.png", "I*",
     "**/one/**/*.png", "x[[]1].png", "*/*/*.tif", "none*", "none/*.png", "notes.*", "[!a]*.jpg"],
)  # fmt: skip
def test_as_glob_has_it_but_for_litter(root: Path, pattern: str) -> None:
    expected = {
        Path(path).relative_to(root).as_posix()
        for path in glob.glob(str(root / pattern), recursive=True)
        if Path(path).is_file()
    }
    left = sorted(name for name in expected if not {"@eaDir", "__MACOSX", "$RECYCLE.BIN"} & {
        *Path(name).parts
    })  # fmt: skip
    assert found(root, pattern) == left
    assert left or pattern.startswith("none")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (".*.png", [".a.png", "._a.png"]),
        ("._*", ["._a.png"]),
        ("@eaDir/*/*.png", ["@eaDir/a.png/thumb.png"]),
        ("*/@eaDir/*.png", ["one/@eaDir/a.png"]),
        (".ipynb_checkpoints/*", [".ipynb_checkpoints/a-checkpoint.png"]),
        ("@ea*/*", []),
        ("Thumbs.*", []),
        ("[T]humbs.db", []),
    ],
)
def test_litter_fits_where_it_is_spelt(root: Path, pattern: str, expected: list[str]) -> None:
    assert found(root, pattern) == sorted(expected)


def test_what_fits_everything_means_pictures(root: Path) -> None:
    assert found(root, "*") == ["a.png", "b.jpg", "x[1].png"]
    assert found(root, "*.*") == ["a.png", "b.jpg", "x[1].png"]
    every = sorted(name for name in NAMES if name not in ("notes.txt", "IMG_1"))
    assert found(root, "**") == found(root, "**/*") == every


def test_links_are_followed_but_not_round_in_circles(root: Path) -> None:
    for name in ("1", "2", "3"):
        (root / "one" / name).symlink_to(root)
    (root.parent / "beside").mkdir()
    (root.parent / "beside" / "z.png").touch()
    (root / "link").symlink_to(root.parent / "beside")
    assert found(root, "**/z.png") == ["link/z.png"]
    assert found(root, "**/*.tif") == ["one/two/c.tif"]


def test_skipped_folders_fit_nothing(root: Path) -> None:
    assert found(root, "**/*.png", "one") == ["a.png", "x[1].png"]
    assert found(root, "*/*.png", "one") == []
    assert found(root, "one/two/*.tif", "two") == []


def test_the_fixed_part() -> None:
    assert fixed_part("/data/one/*/a.png") == Path("/data/one")
    assert fixed_part("*.png") == Path()
    assert fixed_part("/data/a.png") == Path("/data")
