"""A table of results survives a kill at any byte."""

import csv
import io
import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.errors import FieldError
from app.offline.detection.table import COLUMNS, Format, Table

SAME = {"category": "nut", "method": "sdp", "fingerprint": "f"}
ROWS: list[dict[str, Any]] = [
    SAME | {"file": "a.png", "decision": "pass", "anomaly_score": 0.25, "regions": []},
    SAME | {"file": 'ü, "b".png', "decision": "reject", "regions": [{"box": [0, 1, 2, 3]}]},
    {"file": "c.png", "decision": "failed", "problem": "two\nlines, and a comma"}
    | dict.fromkeys(SAME, ""),
]


@pytest.fixture
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of lines need not be on a platter to be compared."""
    monkeypatch.setattr(os, "fsync", lambda number: None)


@pytest.mark.usefixtures("no_disk")
@pytest.mark.parametrize("form", list(Format))
def test_a_table_cut_anywhere_goes_on_with_its_whole_lines(tmp_path: Path, form: Format) -> None:
    path = tmp_path / "results"
    with closing(Table(path, form)) as table:
        for row in ROWS:
            table.add(row)
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        with closing(Table(path, form)) as table:
            done = [row["file"] for row in table.rows]
            assert done == [row["file"] for row in ROWS][: len(done)]
            for row in ROWS[len(done) :]:
                table.add(row)
        assert path.read_bytes() == whole, size


@pytest.mark.parametrize("form", list(Format))
def test_names_come_back_as_they_were(tmp_path: Path, form: Format) -> None:
    names = ["=1+1.png", "'=1.png", "'a.png", "a  b.png", "-.png", "@a/b.png", " c.png "]
    with closing(Table(tmp_path / "t", form)) as table:
        for name in names:
            table.add(ROWS[0] | {"file": name})
    with closing(Table(tmp_path / "t", form)) as table:
        assert [row["file"] for row in table.rows] == names


def test_no_cell_of_a_spreadsheet_begins_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with closing(Table(path, Format.CSV)) as table:
        table.add(ROWS[0] | {"file": "=1+1.png", "category": "@x", "object": "+x", "problem": "-"})
        table.add(ROWS[0] | {"file": "\uff1d1+1.png", "category": "@x", "problem": "\t=1"})
    header, line, other = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
    said = dict(zip(header, line, strict=True))
    assert said["file"] == "'=1+1.png"
    runs = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
    assert not [cell for cell in (*line, *other) if cell.startswith(runs)]


def test_another_model_s_scores_do_not_get_into_the_table(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    with closing(Table(path, Format.CSV)) as table:
        table.add(ROWS[2])
        table.add(ROWS[0])
    for name in SAME:
        with (
            closing(Table(path, Format.CSV)) as table,
            pytest.raises(FieldError, match=f"{name} '.*other"),
        ):
            table.add(ROWS[1] | {name: "other"})


@pytest.mark.parametrize(
    ("form", "content"),
    [
        *((Format.CSV, content) for content in ("id,name\n1,x\n", "id,name\n1,x", "id", "\n")),
        *((Format.JSONL, content) for content in ("no json\n", '{"a": 1}\n{"a"', "no", "[1]\n")),
    ],
)
def test_what_is_no_such_table_is_let_be(tmp_path: Path, form: Format, content: str) -> None:
    path = tmp_path / "mine"
    path.write_text(content)
    with pytest.raises(FieldError, match="is no table of results"):
        Table(path, form)
    assert path.read_text() == content


@pytest.mark.parametrize("form", list(Format))
def test_lines_are_taken_out_and_the_others_stay_as_they_were(tmp_path: Path, form: Format) -> None:
    path = tmp_path / "results"
    with closing(Table(path, form)) as table:
        for row in ROWS:
            table.add(row)
    before = path.read_bytes().splitlines(keepends=True)
    with closing(Table(path, form)) as table:
        table.remove({"c.png", "not there.png"})
        assert path.read_bytes().splitlines(keepends=True) == before[:-1]
        table.add(ROWS[2])
        assert [row["file"] for row in table.rows] == [row["file"] for row in ROWS]
    assert path.read_bytes().splitlines(keepends=True) == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["results"]


def test_a_kill_while_lines_are_taken_out_leaves_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results"
    with closing(Table(path, Format.CSV)) as table:
        table.add(ROWS[0])
        whole = path.read_bytes()

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            table.remove({"a.png"})
    assert path.read_bytes() == whole


@pytest.mark.parametrize("form", list(Format))
def test_a_picture_may_have_very_many_regions(tmp_path: Path, form: Format) -> None:
    regions = [{"box": [0, 1, 2, k]} for k in range(20_000)]
    with closing(Table(tmp_path / "t", form)) as table:
        table.add(ROWS[0] | {"regions": regions})
    with closing(Table(tmp_path / "t", form)) as table:
        (row,) = table.rows
    assert (json.loads(row["regions"]) if form is Format.CSV else row["regions"]) == regions


def test_the_columns_are_as_documented() -> None:
    assert COLUMNS[:4] == ("file", "status", "decision", "anomaly_score")


def test_a_table_goes_on_under_another_spelling_of_its_category(tmp_path: Path) -> None:
    with closing(Table(tmp_path / "t.csv", Format.CSV)) as table:
        table.add(SAME | {"file": "a.png", "category": "metal_nut"})
        for same in ("Metal nut", "METAL-NUT"):
            table.check(SAME | {"file": "b.png", "category": same})
        for other in ("metalnut", "metal nut 2"):
            with pytest.raises(FieldError, match="lines have category 'metal_nut'"):
                table.check(SAME | {"file": "b.png", "category": other})


OLD = COLUMNS[:-2]  # of the version before: no stamps, no mark


def old_table(form: Format) -> bytes:
    rows = [{name: row.get(name) for name in OLD} for row in ROWS[:2]]
    if form is Format.JSONL:
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(OLD)
    writer.writerows(
        [json.dumps(cell) if isinstance(cell, list) else cell for cell in row.values()]
        for row in rows
    )
    return buffer.getvalue().encode()


@pytest.mark.usefixtures("no_disk")
@pytest.mark.parametrize("form", list(Format))
def test_a_table_of_the_version_before_cut_anywhere_goes_on(tmp_path: Path, form: Format) -> None:
    path = tmp_path / "results"
    whole = old_table(form)
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        with closing(Table(path, form)) as table:
            done = [row["file"] for row in table.rows]
            assert done == [row["file"] for row in ROWS][: len(done)]
            assert table.taken_over == len(done)
            for row in ROWS[len(done) :]:
                table.add(row)
        with closing(Table(path, form)) as table:
            assert [row["file"] for row in table.rows] == [row["file"] for row in ROWS]
            assert table.taken_over == 0
            assert all(row["modified"] == "" for row in table.rows[: len(done)])
    assert len(done) == 2


def test_a_spreadsheet_is_told_that_it_is_unicode(tmp_path: Path) -> None:
    with closing(Table(tmp_path / "t.csv", Format.CSV)) as table:
        table.add(ROWS[1])
        table.remove({"nothing"})
        table.add(ROWS[0])
        table.remove({"a.png"})
    data = (tmp_path / "t.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbffile,")
    assert data.count(b"\xef\xbb\xbf") == 1
    with closing(Table(tmp_path / "t.jsonl", Format.JSONL)) as table:
        table.add(ROWS[1])
    assert (tmp_path / "t.jsonl").read_bytes().startswith(b'{"file": ')
