"""Inputs through a service that answers from a function: what is asked again, and what is kept."""

import asyncio
import base64
import csv
import os
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import FieldError, NotReadyError
from app.offline.detection import run
from app.offline.detection.inputs import find_inputs
from app.offline.detection.run import Question, detect
from app.offline.detection.table import COLUMNS, Format, Table

Answer = Callable[[httpx.Request], Any]


def judged(request: httpx.Request, fingerprint: str = "f") -> httpx.Response:
    """A pass, its heatmap being the picture's own bytes."""
    said = {
        **{"category": "nut", "object": "nut", "method": "sdp", "regions": []},
        **{"anomaly_score": 0.25, "anomaly_threshold": 0.5, "p_value": 0.5},
        "score_parts": {"text": 0.25, "map": 0.25},
        "is_anomalous": False,
        "heatmap": {"data": base64.b64encode(request.content).decode()},
        "model": {"fingerprint": fingerprint},
    }
    return httpx.Response(200, json=said)


def detected(
    folder: Path, answer: Answer, workers: int = 1, given: str = "in"
) -> tuple[Counter[str], list[Any]]:
    """One run over `folder`/in, and its table's lines: file, status, decision."""

    async def all_of_it() -> Counter[str]:
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(answer), base_url="http://test"
        ) as http:
            return await detect(http, inputs, question, table, folder, lambda row: None)

    inputs = find_inputs(str(folder / given))
    question = Question("nut", None, "overlay", "input", workers, None)
    with closing(Table(folder / "results.csv", Format.CSV)) as table:
        counts = asyncio.run(all_of_it())
    with closing(Table(folder / "results.csv", Format.CSV)) as table:
        return counts, [(row["file"], row["status"], row["decision"]) for row in table.rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With three pictures, whose bytes are their names."""
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / "in" / name).write_text(name)
    return tmp_path


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_LONGEST_S", 0)


@pytest.mark.parametrize("status", [403, 500, 502, 504])
def test_what_failed_by_chance_is_asked_again_and_comes_last(folder: Path, status: int) -> None:
    def fails(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status) if request.content == b"a.png" else judged(request)

    counts, lines = detected(folder, fails)
    assert counts == {"failed": 1, "pass": 2}
    assert lines[0] == ("a.png", str(status), "failed")
    counts, lines = detected(folder, judged)
    assert counts == {"pass": 3}
    assert lines == [(name, "200", "pass") for name in ("b.png", "c.png", "a.png")]


def test_an_empty_file_stops_nobody_and_is_tried_again(folder: Path) -> None:
    (folder / "in" / "a.png").write_bytes(b"")
    counts, lines = detected(folder, judged)
    assert counts == {"failed": 1, "pass": 2}
    assert lines[0] == ("a.png", "", "failed")
    (folder / "in" / "a.png").write_text("a.png")
    assert detected(folder, judged)[0] == {"pass": 3}


def test_what_is_under_way_is_let_finish_when_the_run_ends(folder: Path) -> None:
    answered = []

    async def slow(request: httpx.Request) -> httpx.Response:
        if request.content == b"a.png":
            return httpx.Response(422, json={"detail": "category: no"})
        await asyncio.sleep(0.1)
        answered.append(request.content)
        return judged(request)

    with pytest.raises(FieldError, match=r"^category: no$"):
        detected(folder, slow, workers=3)
    assert sorted(answered) == [b"b.png", b"c.png"]


def test_a_file_that_could_not_be_read_is_tried_again(folder: Path) -> None:
    (folder / "in" / "b.png").unlink()
    (folder / "in" / "list.txt").write_text("b.png\na.png\n")
    (folder / "in" / "b.png").symlink_to("gone")
    listed = find_inputs(str(folder / "in" / "list.txt"))

    async def once() -> Counter[str]:
        question = Question("nut", None, "none", "input", 1, None)
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(judged), base_url="http://test"
        ) as http:
            with closing(Table(folder / "results.jsonl", Format.JSONL)) as table:
                return await detect(http, listed, question, table, folder, lambda row: None)

    assert asyncio.run(once()) == {"failed": 1, "pass": 1}
    (folder / "in" / "b.png").unlink()
    (folder / "in" / "b.png").write_text("b.png")
    assert asyncio.run(once()) == {"pass": 2}


@pytest.mark.parametrize("status", [400, 413, 415])
def test_what_is_wrong_with_a_picture_is_asked_once(folder: Path, status: int) -> None:
    asked = []

    def refuses(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        return httpx.Response(status, json={"detail": "no picture"})

    first, second = detected(folder, refuses), detected(folder, refuses)
    assert first == second
    assert first[0] == {"failed": 3}
    assert len(asked) == 3


def test_failures_of_other_inputs_stay(folder: Path) -> None:
    detected(folder, lambda request: httpx.Response(500))
    (folder / "in" / "c.png").unlink()
    _, lines = detected(folder, judged)
    assert lines[0] == ("c.png", "500", "failed")
    assert [name for name, _, _ in lines] == ["c.png", "a.png", "b.png"]


@pytest.mark.usefixtures("no_waiting")
def test_a_lost_connection_is_tried_again(folder: Path) -> None:
    lost = [httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.ReadTimeout("late")]

    def comes_back(request: httpx.Request) -> httpx.Response:
        if lost:
            raise lost.pop()
        return judged(request)

    assert detected(folder, comes_back)[0] == {"pass": 3}
    assert not lost


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("how", ["lost", "busy"])
def test_a_service_that_stays_away_ends_the_run_and_the_next_goes_on(
    folder: Path, how: str
) -> None:
    asked = 0

    def goes_away(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        if request.content == b"a.png":
            return judged(request)
        asked += 1
        if how == "busy":
            return httpx.Response(503, json={"detail": "draining"})
        raise httpx.ConnectError("refused")

    words = {"lost": "b.png: no answer in 60 tries: refused", "busy": "503 after 60 .*draining"}
    with pytest.raises(NotReadyError, match=words[how]):
        detected(folder, goes_away)
    assert asked == 60
    assert detected(folder, judged)[1] == [
        (name, "200", "pass") for name in ("a.png", "b.png", "c.png")
    ]


def test_another_models_heatmap_does_not_take_the_place_of_ours(folder: Path) -> None:
    detected(folder, judged)
    heatmap = folder / "heatmaps" / "a.png.png"
    # As where the kill came between the heatmap and its line.
    with closing(Table(folder / "results.csv", Format.CSV)) as table:
        table.remove({"a.png"})
    (folder / "in" / "a.png").write_text("other")
    with pytest.raises(FieldError, match="fingerprint 'f', this run has 'other'"):
        detected(folder, lambda request: judged(request, "other"))
    assert heatmap.read_text() == "a.png"


def test_names_as_long_as_a_file_system_allows_have_heatmaps(tmp_path: Path) -> None:
    names = ["x" * 247 + ".png", "x" * 251 + ".png", "ü" * 125 + "y.png", "x" * 250 + "y.png"]
    (tmp_path / "in").mkdir()
    for name in names:
        assert len(name.encode()) <= 255
        (tmp_path / "in" / name).write_text(name)
    (tmp_path / "in" / ("d\x01" * 100)).mkdir()  # `\\x01` in the table: four times as long
    (tmp_path / "in" / ("d\x01" * 100) / "deep.png").write_text("deep")
    assert detected(tmp_path, judged)[0] == {"pass": 5}
    assert detected(tmp_path, judged)[0] == {"pass": 5}
    with closing(Table(tmp_path / "results.csv", Format.CSV)) as table:
        said = {row["file"]: (tmp_path / row["heatmap"]).read_text() for row in table.rows}
    assert {name: said.get(name) for name in names} == {name: name for name in names}
    assert len(set(said.values())) == 5


def test_a_hidden_pictures_heatmap_stays(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in (".a.png", "a.png"):
        (tmp_path / "in" / name).write_text(name)
    (tmp_path / "in" / "list.txt").write_text(".a.png\na.png\n")  # named, it is no litter
    detected(tmp_path, judged, given="in/list.txt")
    assert (tmp_path / "heatmaps" / ".a.png.png").read_text() == ".a.png"
    assert (tmp_path / "heatmaps" / "a.png.png").read_text() == "a.png"


def texts(folder: Path) -> dict[str, str]:
    """Of every line with a heatmap, what it shows."""
    with closing(Table(folder / "results.csv", Format.CSV)) as table:
        rows = [row for row in table.rows if row["heatmap"]]
        return {row["file"]: (folder / row["heatmap"]).read_text() for row in rows}


def test_a_new_picture_under_the_same_name_is_asked_again(folder: Path) -> None:
    detected(folder, judged)
    asked: list[bytes] = []

    def again(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        return judged(request)

    assert detected(folder, again)[0] == {"pass": 3}
    assert asked == []
    (folder / "in" / "a.png").write_text("longer than it was")
    before = (folder / "in" / "b.png").stat()
    (folder / "in" / "b.png").write_text("B.png")  # of the same size
    os.utime(folder / "in" / "b.png", ns=(0, before.st_mtime_ns - 1))  # and older
    counts, lines = detected(folder, again)
    assert asked == [b"longer than it was", b"B.png"]
    assert counts == {"pass": 3}
    assert [name for name, _, _ in lines] == ["c.png", "a.png", "b.png"]
    assert texts(folder) == {"a.png": "longer than it was", "b.png": "B.png", "c.png": "c.png"}
    detected(folder, again)
    assert len(asked) == 2


def test_nothing_is_left_of_a_picture_that_was_replaced(folder: Path) -> None:
    detected(folder, judged)
    (folder / "in" / "a.png").write_text("torn, and longer")

    def refused(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"detail": "damaged"})

    counts, lines = detected(folder, refused)
    assert counts == {"failed": 1, "pass": 2}
    assert lines[-1] == ("a.png", "400", "failed")
    assert not (folder / "heatmaps" / "a.png.png").exists()
    assert detected(folder, refused)[0] == counts  # what is wrong with a picture is asked once
    (folder / "in" / "a.png").write_text("a.png")
    assert detected(folder, judged)[0] == {"pass": 3}


def test_what_was_judged_and_is_away_keeps_its_line(folder: Path) -> None:
    (folder / "in" / "list.txt").write_text("a.png\nb.png\n")
    before = detected(folder, judged, given="in/list.txt")
    (folder / "in" / "a.png").unlink()  # or its share is away
    assert detected(folder, judged, given="in/list.txt") == before


def test_a_picture_written_to_while_it_is_read_is_asked_again(folder: Path) -> None:
    def while_written(request: httpx.Request) -> httpx.Response:
        if request.content == b"a.png":
            (folder / "in" / "a.png").write_text("the whole picture")
        return judged(request)

    detected(folder, while_written)
    assert texts(folder)["a.png"] == "a.png"
    detected(folder, judged)
    assert texts(folder)["a.png"] == "the whole picture"


def table_of_the_version_before(folder: Path) -> None:
    with closing(Table(folder / "results.csv", Format.CSV)) as table:
        rows = table.rows
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS[:-2], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_a_table_of_the_version_before_goes_on_and_is_asked_again(folder: Path) -> None:
    detected(folder, judged)
    table_of_the_version_before(folder)
    (folder / "in" / "list.txt").write_text("a.png\nb.png\n")
    asked: list[bytes] = []

    def noted(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        return judged(request)

    counts, lines = detected(folder, noted, given="in/list.txt")
    assert counts == {"pass": 2}
    assert asked == [b"a.png", b"b.png"]
    assert [name for name, _, _ in lines] == ["c.png", "a.png", "b.png"]
    detected(folder, noted)
    assert asked == [b"a.png", b"b.png", b"c.png"]
    detected(folder, noted)
    assert len(asked) == 3


def test_a_mistyped_category_takes_no_line_away(folder: Path) -> None:
    detected(folder, judged)
    before = (folder / "results.csv").read_bytes()
    for name in ("a.png", "b.png", "c.png"):
        (folder / "in" / name).write_text("new, " + name)

    def other(request: httpx.Request) -> httpx.Response:
        if request.content == b"new, a.png":
            return httpx.Response(415, json={"detail": "no picture"})
        return judged(request, "other")

    with pytest.raises(FieldError, match="fingerprint 'f', this run has 'other'"):
        detected(folder, other)
    assert (folder / "results.csv").read_bytes() == before
    assert (folder / "heatmaps" / "a.png.png").read_text() == "a.png"
