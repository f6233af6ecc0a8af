"""The process: one clear line when it cannot start, and no request lost when it must stop."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from app.offline.bench.process import free_port
from tests.e2e.serving import SERVE, Server, environment, tiny_vit
from tests.forking import run
from tests.parity import FOLDER, files

pytestmark = pytest.mark.slow
PICTURE = FOLDER / "tiny-vit" / "image_0.png"
CODE = ("-o", os.devnull, "-w", "%{http_code}")


@pytest.fixture(scope="module", autouse=True)
def _set_up() -> None:
    """Whatever set-up there is to do is done, and said, before lines are counted."""
    subprocess.run([SERVE, "--version"], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"CLIPAD_WEIGHTS": "absent.safetensors"}, "absent.safetensors"),
        pytest.param(
            {"CLIPAD_WEIGHTS": files("tiny-resnet")[1]}, "tiny-resnet", marks=pytest.mark.nightly
        ),
        pytest.param(
            {"CLIPAD_WEIGHTS": ""}, "CLIPAD_WEIGHTS: is not set", marks=pytest.mark.nightly
        ),
        pytest.param({"CLIPAD_BACKBONE": "ViT-Z-99"}, "'ViT-Z-99'", marks=pytest.mark.nightly),
        ({"CLIPAD_BACKBONE": "ViT-B-32", "CLIPAD_WEIGHTS": "openai"}, "quickgelu"),
        ({"CLIPAD_MAX_BATCH": "many"}, "CLIPAD_MAX_BATCH='many': expected a valid integer"),
    ],
)
def test_it_refuses_to_start_with_one_clear_line(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    done = run(
        ["-m", "app", "--port", str(free_port())],
        tmp_path,
        environment(tiny_vit(tmp_path) | settings),
        timeout=180,
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("clip-ad: cannot start: ")
    assert words in line
    assert (done.returncode, done.stdout) == (1, "")


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [SERVE, "--port", str(taken.getsockname()[1])],
            cwd=tmp_path,
            env=environment(tiny_vit(tmp_path)),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "CLIPAD_PORT" in done.stderr
    assert done.stderr.count("\n") == 1


def test_sigterm_turns_readiness_red_and_finishes_what_was_accepted(tmp_path: Path) -> None:
    body = PICTURE.read_bytes()
    with Server(tmp_path, tiny_vit(tmp_path)) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
            head = (
                "POST /predict?category=metal_nut HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            line.sendall(head.encode() + body[:1000])
            # Accepted: the service counts it; only then is it told to stop.
            time.sleep(0.3)
            assert server.curl("/readyz", *CODE) == b"200"
            server.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + 30
            while server.curl("/readyz", *CODE) != b"503":
                assert time.monotonic() < end
            assert server.curl("/healthz", *CODE) == b"200"
            refused = server.curl("/predict?category=a", *CODE, "--data-binary", f"@{PICTURE}")
            assert refused == b"503"
            assert server.process.poll() is None
            line.sendall(body[1000:])
            answer = b""
            while part := line.recv(65536):
                answer += part
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["object"] == "metal nut"
        assert server.process.wait(60) == 0
        assert "Traceback" not in server.log


def test_sigterm_while_it_starts(tmp_path: Path) -> None:
    server = Server(tmp_path, tiny_vit(tmp_path))
    end = time.monotonic() + 120
    while server.curl("/healthz", *CODE) != b"200":
        assert time.monotonic() < end
    assert server.stop() == 0
    assert "Traceback" not in server.log


def test_several_workers(tmp_path: Path) -> None:
    with Server(tmp_path, tiny_vit(tmp_path), "--workers", "2", script=True) as server:
        # Each process gets ready by itself: until the last one is, some requests find it starting.
        post = ("/predict?category=carpet", "--data-binary", f"@{PICTURE}")
        end = time.monotonic() + 120
        while "object" not in (answer := json.loads(server.curl(*post))):
            assert answer["status"] == 503, answer
            assert time.monotonic() < end, server.log
            time.sleep(0.1)
        assert answer["object"] == "carpet"
        assert server.stop() in (0, -signal.SIGTERM)
    assert "Traceback" not in server.log


def test_several_workers_refuse_as_one(tmp_path: Path) -> None:
    done = run(
        ["-m", "app", "--workers", "2", "--port", str(free_port())],
        tmp_path,
        environment(tiny_vit(tmp_path) | {"CLIPAD_WEIGHTS": str(tmp_path / "absent.pt")}),
        timeout=180,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "absent.pt" in done.stderr
