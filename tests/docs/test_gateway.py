"""The gateway of docs/http.md: it lets pass what was found good in time, and nothing else."""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.offline.bench.process import free_port
from tests.docs.blocks import ADDRESS, every
from tests.docs.conftest import GOOD_PARTS, Reader
from tests.docs.test_programs import ENDLESS

(GATEWAY,) = (block for block in every("python") if ENDLESS in block.text)
DEADLINE, SHORT = "DEADLINE_S = 2.0", "DEADLINE_S = 0.5"
LONG = "DEADLINE_S = 300.0"  # where what is answered matters, and not how soon
LATE_S = 60


class Line:
    """A running gateway, the folder that its camera writes to, and what it has decided."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self.process = process

    def part(self, picture: Path, name: str) -> str:
        """A picture as the camera delivers it -> the gateway's line about it."""
        unfinished = self.folder / "incoming" / f"{name}.part"
        shutil.copy(picture, unfinished)
        unfinished.rename(unfinished.with_suffix(".png"))
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def gateway(folder: Path, address: str, deadline: str = DEADLINE) -> Iterator[Line]:
    (folder / "incoming").mkdir()
    program = folder / "gateway.py"
    text = GATEWAY.text.replace(ADDRESS, address).replace(DEADLINE, deadline)
    program.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-u", program],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Line(folder, process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


Answer = Callable[[BaseHTTPRequestHandler, int], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server with this answer to each request, told how many came before; its address."""

    class Handler(BaseHTTPRequestHandler):
        count = 0

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            number, Handler.count = Handler.count, Handler.count + 1
            answer(self, number)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def say(handler: BaseHTTPRequestHandler, status: int, body: str, retry: str | None = None) -> None:
    handler.send_response(status)
    if retry is not None:
        handler.send_header("Retry-After", retry)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body.encode())


def late(handler: BaseHTTPRequestHandler, _: int) -> None:
    time.sleep(LATE_S)
    say(handler, 200, '{"is_anomalous":false}')


def busy_once(handler: BaseHTTPRequestHandler, number: int) -> None:
    if number:
        say(handler, 200, '{"is_anomalous":false}')
    else:
        say(handler, 429, "{}", "1")


NOT_GOOD: dict[str, Answer] = {
    "late": late,
    "undecided": lambda handler, _: say(handler, 200, '{"is_anomalous":null}'),
    "anomalous": lambda handler, _: say(handler, 200, '{"is_anomalous":true}'),
    "another answer": lambda handler, _: say(handler, 200, "[]"),
    "no answer": lambda handler, _: say(handler, 200, "good"),
    "an error": lambda handler, _: say(handler, 500, "{}"),
    "busy": lambda handler, _: say(handler, 429, "{}", "60"),
    "busy, strangely": lambda handler, _: say(handler, 503, "", "tomorrow"),
    "gone": lambda handler, _: handler.connection.close(),
}


@pytest.mark.slow
@pytest.mark.parametrize("answer", NOT_GOOD.values(), ids=NOT_GOOD)
def test_what_was_not_found_good_in_time_is_rejected(answer: Answer, reader: Reader) -> None:
    with answering(answer) as address, gateway(reader.folder, address, SHORT) as line:
        begin = time.monotonic()
        assert line.part(reader.folder / "part.png", "A-1") == "A-1 reject"
        assert time.monotonic() - begin < LATE_S / 2  # its start on a busy machine included


@pytest.mark.slow
def test_without_a_service_everything_is_rejected(reader: Reader) -> None:
    with gateway(reader.folder, f"127.0.0.1:{free_port()}", SHORT) as line:
        assert line.part(reader.folder / "part.png", "A-1") == "A-1 reject"


@pytest.mark.slow
def test_who_is_told_to_come_again_does(reader: Reader) -> None:
    with answering(busy_once) as address, gateway(reader.folder, address, LONG) as line:
        assert line.part(reader.folder / "part.png", "A-1") == "A-1 pass"


@pytest.mark.slow
def test_the_service_decides(reader: Reader) -> None:
    good = sorted((reader.folder / "good").iterdir())
    assert len(good) == GOOD_PARTS
    images = " ".join(f"-F image=@{path}" for path in good)
    (category,) = re.findall(r"category=(\w+)", GATEWAY.text)
    calibrate = f"curl {images} http://{ADDRESS}/categories/{category}/calibration"
    assert reader.types(calibrate).returncode == 0
    with gateway(reader.folder, reader.meant(ADDRESS), LONG) as line:
        assert line.part(good[0], "A-1") == "A-1 pass"
        scratched = reader.folder / "model_weights" / "demo" / "samples" / "wood-scratch.png"
        assert line.part(scratched, "A-2") == "A-2 reject"
        assert line.part(reader.folder / "notes.txt", "A-3") == "A-3 reject"
        assert not list((reader.folder / "incoming").iterdir())


def test_the_gateway_needs_python_alone() -> None:
    names = {line.split()[1].split(".")[0] for line in GATEWAY.text.splitlines()
             if line.startswith(("import ", "from "))}  # fmt: skip
    assert names <= sys.stdlib_module_names
    assert DEADLINE in GATEWAY.text
    assert len(GATEWAY.text.splitlines()) < 60
