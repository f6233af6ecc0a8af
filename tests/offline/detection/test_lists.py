"""Lists of files as editors and shells of several systems write them."""

import codecs
from pathlib import Path

import pytest

from app.errors import FieldError
from app.offline.detection.lists import listed_paths

TEXT = "# gute Teile\nTräger.png\n\n  sub/b.png \n"
WHOLE = ["Träger.png", "sub/b.png"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("mark", "coding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_unicode_is_read(tmp_path: Path, mark: bytes, coding: str, end: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(mark + TEXT.replace("\n", end).encode(coding))
    assert listed_paths(path) == [tmp_path / name for name in WHOLE]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXT.encode("cp1252"), "byte 0xe4 in line 2 is no UTF-8"),
        (TEXT.encode("cp850"), "byte 0x84 in line 2 is no UTF-8"),
        (TEXT.encode("utf-16-le"), "byte 0xe4 in line 2 is no UTF-8"),
        ("a.png\n".encode("utf-16-be"), "has a zero in it"),
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), "has a zero in it"),
        (codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"), "byte 0xfe in line 1 is no UTF-8"),
        (codecs.BOM_UTF16_LE + b"a\0b", "is no UTF-16"),
        (b"\x89PNG\r\n\x1a\n", "byte 0x89 in line 1 is no UTF-8"),
    ],
)
def test_all_else_is_one_line_that_names_the_file(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "liste.txt"
    path.write_bytes(data)
    with pytest.raises(FieldError, match=words) as caught:
        listed_paths(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "expected a list of paths in UTF-8" in said
    assert "\n" not in said


def test_backslashes_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("sub\\a.png\nreally\\b.png\n")
    (tmp_path / "really\\b.png").touch()
    assert listed_paths(path) == [tmp_path / "sub" / "a.png", tmp_path / "really\\b.png"]


def test_a_name_may_have_what_other_programs_end_lines_with(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a\u2028b.png\nc\x0cd.png\n", encoding="utf-8")
    assert [found.name for found in listed_paths(path)] == ["a\u2028b.png", "c\x0cd.png"]
