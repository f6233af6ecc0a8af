"""Files on disk: all of them, whole, and none where writing fails."""

from pathlib import Path

import pytest

import app.offline.evaluation.report.write as writing
from app.offline import files
from app.offline.evaluation.figures import Evaluation
from app.offline.evaluation.report import FILES, write_report
from tests.offline.evaluation.report.examples import (
    UNDECODABLE,
    evaluation_of,
    object_evaluation,
    odd,
    usual,
)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_file_is_written_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    written = write_report(usual(), folder)
    assert [path.name for path in written] == list(FILES)
    assert set(contents(folder)) == set(FILES)
    assert written[-1] == folder / "report.html"
    assert written[-1].read_text("utf-8").startswith("<!DOCTYPE html>")


def test_the_same_evaluation_gives_the_same_bytes(tmp_path: Path) -> None:
    write_report(usual(), tmp_path / "one")
    write_report(usual(), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_file_name_that_is_no_utf8_is_spelled_out(tmp_path: Path) -> None:
    """As an object's name and as a path; JSON doubles the backslash."""
    one = object_evaluation(UNDECODABLE)
    facts = vars(usual()) | {"root": UNDECODABLE, "asked": {UNDECODABLE: [UNDECODABLE]}}
    write_report(Evaluation(**facts | {"methods": evaluation_of(("sdp", [one])).methods}), tmp_path)
    for name, data in contents(tmp_path).items():
        assert (
            "caf" + ("\\" if name.endswith((".json", ".md")) else "") + r"\udce9" in data.decode()
        )


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(usual(), tmp_path)
    before = contents(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_report(odd(), tmp_path)
    assert contents(tmp_path) == before


def test_a_file_is_swapped_in_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written to the file itself: readers see the old one until the last moment."""
    write_report(usual(), tmp_path)
    before = contents(tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(PermissionError):
        write_report(odd(), tmp_path)
    assert contents(tmp_path) == before


def test_figures_are_safe_when_the_page_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise ValueError("no picture")

    monkeypatch.setattr(writing, "report_html", broken)
    with pytest.raises(ValueError, match="no picture"):
        write_report(usual(), tmp_path)
    assert set(contents(tmp_path)) == set(FILES) - {"report.html"}
