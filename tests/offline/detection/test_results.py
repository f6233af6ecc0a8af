"""Folders of heatmaps are recognised, however their table was treated since."""

from contextlib import closing
from pathlib import Path

import pytest

from app.offline.detection.results import Heatmaps
from app.offline.detection.table import COLUMNS, Format, Table

OLD = ",".join(COLUMNS[:-2])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Results with a heatmap that has no telling name."""
    (tmp_path / "out" / "heatmaps" / "line-1").mkdir(parents=True)
    (tmp_path / "out" / "heatmaps" / "line-1" / "a.png").touch()
    return tmp_path / "out"


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize("lines", [0, 1])
def test_by_a_table_beside_them_from_its_beginning(out: Path, form: Format, lines: int) -> None:
    assert not Heatmaps().are_in(out / "heatmaps")
    with closing(Table(out / f"results.{form}", form)) as table:
        for _ in range(lines):
            table.add({"file": "line-1/a", "category": "nut", "method": "sdp", "fingerprint": "f"})
    heatmaps = Heatmaps()
    assert heatmaps.are_in(out / "heatmaps")
    assert heatmaps.are_in(out / "heatmaps" / "line-1")
    assert not heatmaps.are_in(out)
    (out.parent / "link").symlink_to(out / "heatmaps" / "line-1")
    assert heatmaps.are_in(out.parent / "link")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("results.csv", f"{OLD}\n"),
        ("results.csv", f"{OLD}\na.png,200,pass"),
        ("Montag.CSV", f"\ufeff{OLD}\r\n"),
        ("results.csv", OLD.replace(",", ";") + "\r\n"),
        ("results.csv", '"' + OLD.replace(",", '","') + '"\r\n'),
        ("results.jsonl", '{"file": "a.png", "status": 200, "decision": "pass", "x": 1}\n'),
        ("results.jsonl", ""),
    ],
)
def test_by_tables_of_the_version_before_and_saved_anew(out: Path, name: str, text: str) -> None:
    (out / name).write_bytes(text.encode())
    assert Heatmaps().are_in(out / "heatmaps")


@pytest.mark.parametrize(
    ("name", "text"),
    [("results.csv", "file,label\n"), ("labels.jsonl", ""), ("x.jsonl", '{"file": "a.png"}\n'),
     ("results.txt", OLD)],
)  # fmt: skip
def test_other_tables_say_nothing(out: Path, name: str, text: str) -> None:
    (out / name).write_text(text)
    assert not Heatmaps().are_in(out / "heatmaps")


def test_by_their_names_where_the_table_was_taken_away(out: Path) -> None:
    (out / "heatmaps" / "line-1" / "a.png").rename(out / "heatmaps" / "line-1" / "a.jpg.png")
    (out / "heatmaps" / "b.png.png").touch()
    assert Heatmaps().are_in(out / "heatmaps")
    (out / "heatmaps" / "b.png").touch()
    assert not Heatmaps().are_in(out / "heatmaps")


def test_a_folder_of_another_name_is_somebodys_own(out: Path) -> None:
    (out / "results.csv").write_text(f"{OLD}\n")
    (out / "pictures").mkdir()
    (out / "pictures" / "a.png.png").touch()
    assert not Heatmaps().are_in(out / "pictures")
