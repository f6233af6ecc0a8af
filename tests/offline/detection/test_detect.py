"""`scripts/detect`: the same answers as the server's, and no file twice or never after a kill.

A process of it takes seconds to start, so that what one shows nothing of is called in this one.
"""

import csv
import importlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import conformal_clip_data  # type: ignore[import-untyped]
import httpx
import numpy as np
import pytest
import torch
import typer
from filelock import FileLock
from PIL import Image
from typer.testing import CliRunner

from app.offline.bench.process import free_port
from app.rounding import STEP
from tests.e2e.serving import Server, environment, tiny_vit
from tests.forking import Program, run
from tests.pictures import file_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent.parent.parent
COMMAND = ROOT / "scripts/lib/detect.py"


def pictures(folder: Path, count: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for k in range(count):
        values = np.random.default_rng(k).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        names.append(f"{k:04d}.png")
        (folder / names[-1]).write_bytes(file_of(Image.fromarray(values), "PNG"))
    return names


def detect(
    place: Path, *arguments: object, settings: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return run([COMMAND, *map(str, arguments)], place, environment(settings), timeout=600)


class Here:
    """The command in this process: its exit code, and what it said."""

    def __init__(self) -> None:
        numbers = (signal.SIGINT, signal.SIGTERM)
        handlers = [signal.getsignal(number) for number in numbers]
        try:
            self._app = typer.Typer()
            self._app.command()(importlib.import_module("detect").main)
        finally:
            for number, handler in zip(numbers, handlers, strict=True):
                signal.signal(number, handler)  # it takes them for itself

    def __call__(self, *arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(self._app, [*map(str, arguments)])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, " ".join(done.stderr.split())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """In tmp_path, with the small ViT."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "scripts" / "lib")
    for name, value in tiny_vit(tmp_path).items():
        monkeypatch.setenv(name, value)
    threads = torch.get_num_threads()
    yield Here()
    torch.set_num_threads(threads)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_answers_are_those_of_the_server(tmp_path: Path, here: Here) -> None:
    settings = tiny_vit(tmp_path) | {"CLIPAD_DATA_DIR": str(tmp_path / "data")}
    names = pictures(tmp_path / "in", 25)
    with Server(tmp_path, settings) as server:
        httpx.put(f"{server.url}/categories/nut", json={}, trust_env=False).raise_for_status()
        files = [("image", (name, (tmp_path / "in" / name).read_bytes())) for name in names[:20]]
        where = f"{server.url}/categories/nut/calibration"
        httpx.post(where, files=files, trust_env=False, timeout=600).raise_for_status()
        said = [
            httpx.post(
                f"{server.url}/predict?category=nut&heatmap=none",
                content=(tmp_path / "in" / name).read_bytes(),
                trust_env=False,
            ).json()
            for name in names
        ]
        (tmp_path / "in" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
        elsewhere = here("in", "--category", "nut", "--out", "by-url", "--url", server.url)
    done = detect(tmp_path, "in", "--category", "nut", "--out", "out", settings=settings)
    rejected = sum(answer["is_anomalous"] for answer in said)
    assert rejected > 0
    assert (done.returncode, elsewhere[0]) == (3, 3), done.stderr
    for rows in (table(tmp_path / "out"), table(tmp_path / "by-url")):
        assert [row["file"] for row in rows] == [*names, "torn.png"]
        assert rows[-1]["status"] == "400"
        for row, answer in zip(rows[:-1], said, strict=True):
            score = float(row["anomaly_score"])
            assert score == pytest.approx(answer["anomaly_score"], abs=2 * STEP)
            assert row["decision"] == ("reject" if answer["is_anomalous"] else "pass")
            assert row["fingerprint"] == answer["model"]["fingerprint"]
    heatmaps = sorted(p.name for p in (tmp_path / "out" / "heatmaps").iterdir())
    assert heatmaps == [f"{name}.png" for name in names]
    with Image.open(tmp_path / "out" / "heatmaps" / heatmaps[0]) as heatmap:
        assert heatmap.size == (50, 40)


def test_exit_codes_and_one_line_for_what_is_wrong(tmp_path: Path, here: Here) -> None:
    pictures(tmp_path / "in", 2)
    into = ("--out", "out", "--format", "jsonl", "--heatmap", "none")
    code, said = here("in", "--category", "nut", *into)
    assert (code, "Not calibrated" in said) == (0, True), said
    rows = [json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]
    assert [row["decision"] for row in rows] == ["undecided", "undecided"]
    assert not (tmp_path / "out" / "heatmaps").exists()

    (tmp_path / "in" / "b.png").write_bytes(b"no picture")
    assert here("in", "--category", "nut", *into)[0] == 1
    code, said = here("in", "--category", "a/b", "--out", "o2")
    assert (code, "contains '/'" in said) == (1, True), said
    pictures(tmp_path / "in", 3)
    code, said = here("in", "--category", "bolt", *into)
    assert (code, "start --fresh" in said) == (1, True), said


def test_what_is_wrong_before_the_model_starts(tmp_path: Path, here: Here) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    pictures(tmp_path / "in", 1)
    for arguments, words in (
        (("gone",), "gone: expected a folder"),
        (("in", "--url", nobody), f"{nobody}: All connection attempts failed"),
        (("in", "--url", "http://a:b"), "error: Invalid port: 'b'"),
    ):
        code, said = here(*arguments, "--category", "nut", "--out", "out")
        assert (code, words in said) == (1, True), said


def test_one_run_at_a_time_in_a_folder(tmp_path: Path, here: Here) -> None:
    pictures(tmp_path / "in", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("the other run's\n")
    with FileLock(tmp_path / "out" / ".lock"):
        code, said = here("in", "--category", "nut", "--out", "out", "--fresh")
    assert code == 1
    assert "--out out: another detect is at work there" in said
    assert (tmp_path / "out" / "results.csv").read_text() == "the other run's\n"


def test_its_own_heatmaps_are_not_inspected(tmp_path: Path, here: Here) -> None:
    names = pictures(tmp_path / "in", 2)
    for _ in range(2):
        code, said = here("in", "--category", "nut", "--out", "in/out")
        assert (code, "2 files:" in said) == (0, True), said
    assert [row["file"] for row in table(tmp_path / "in" / "out")] == names


def test_what_cannot_be_read_is_named_and_litter_is_not(tmp_path: Path, here: Here) -> None:
    names = pictures(tmp_path / "in", 2)
    (tmp_path / "in" / "0000.png").rename(tmp_path / "in" / "0000.jfif")
    for name in ("@eaDir/0001.png/thumb.png", "._0001.png", "Thumbs.db", "notes.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"litter")
    code, said = here("in", "--category", "nut", "--out", "in/monday")
    assert (code, "2 files: 2 undecided" in said) == (0, True), said
    Image.new("L", (8, 8)).save(tmp_path / "in" / "c.gif")
    code, said = here("in", "--category", "nut", "--out", "in/tuesday")
    assert (code, "3 files: 1 failed, 2 undecided" in said) == (1, True), said
    assert "c.gif: content of" in said
    rows = table(tmp_path / "in" / "tuesday")
    assert [row["file"] for row in rows] == ["0000.jfif", names[1], "c.gif"]
    assert rows[-1]["status"] == "415"


def test_a_list_in_a_code_page_is_one_line(tmp_path: Path, here: Here) -> None:
    (tmp_path / "liste.txt").write_bytes("Träger.png\r\n".encode("cp1252"))
    code, said = here("liste.txt", "--category", "nut", "--out", "out")
    assert code == 1
    assert said.startswith("error: liste.txt: byte 0xe4 in line 1 is no UTF-8: expected")


def killed_runs(
    place: Path, inputs: Path, settings: dict[str, str], signals: Sequence[signal.Signals]
) -> list[int]:
    """Runs that got a signal in the middle, each after a few lines more; their exit codes."""
    out, codes = place / "out" / "results.csv", []
    for number in signals:
        before = out.stat().st_size if out.exists() else 0
        words = [COMMAND, inputs, "--category", "nut", "--out", "out"]
        process = Program(words, place, environment(settings))
        while process.poll() is None and (not out.exists() or out.stat().st_size < before + 3000):
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(number)
        _, said = process.communicate(timeout=600)
        assert "Traceback" not in said
        assert ("goes on from here" in said) == (number != signal.SIGKILL)
        codes.append(process.wait())
    return codes


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, here: Here) -> None:
    settings = tiny_vit(tmp_path)
    names = pictures(tmp_path / "in", 120)
    ends = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
    assert killed_runs(tmp_path, tmp_path / "in", settings, ends) == [-9, 130, 143]
    seen = len(table(tmp_path / "out"))
    assert 0 < seen < len(names)
    code, said = here("in", "--category", "nut", "--out", "out")
    assert code == 0, said
    assert [row["file"] for row in table(tmp_path / "out")] == names
    assert len(list((tmp_path / "out" / "heatmaps").glob("*.png"))) == len(names)


@pytest.mark.nightly
def test_a_thousand_simulated_textiles_survive_ten_kills(tmp_path: Path) -> None:
    found = sorted(Path(conformal_clip_data.nominal_dir()).rglob("*.jpg"))[:1000]
    assert len(found) == 1000
    inputs = tmp_path / "textiles.txt"
    inputs.write_text("\n".join(map(str, found)))
    settings = {"CLIPAD_MODEL_DIR": str(tmp_path / "models")}
    assert killed_runs(tmp_path, inputs, settings, [signal.SIGKILL] * 10) == [-9] * 10
    seen = len(table(tmp_path / "out"))
    assert seen < 1000
    done = detect(tmp_path, inputs, "--category", "nut", "--out", "out", settings=settings)
    assert done.returncode == 0, done.stderr
    rows = table(tmp_path / "out")
    assert [row["file"].partition("-")[2] for row in rows] == [path.name for path in found]
    assert len(list((tmp_path / "out" / "heatmaps").rglob("*.png"))) == 1000
