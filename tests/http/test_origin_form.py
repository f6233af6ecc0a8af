"""Request targets in absolute form, over a connection: found, and shown as a path."""

import json
import logging
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI

from app.http import problems
from app.http.origin_form import OriginForm
from app.http.protocol import ImpatientProtocol
from app.http.telemetry import Metrics, TelemetryMiddleware
from tests.waiting import wait_for


def application() -> FastAPI:
    app = FastAPI()
    app.add_middleware(TelemetryMiddleware, metrics=Metrics())
    app.add_middleware(OriginForm)
    problems.install(app)

    @app.get("/")
    async def root(x: str = "") -> str:
        return f"root {x}"

    @app.get("/parts/{name}")
    async def part(name: str, x: str = "") -> str:
        return f"{name} {x}"

    return app


@pytest.fixture(scope="module", params=["", "/behind"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    config = uvicorn.Config(
        application(),
        port=0,
        log_level="warning",
        http=ImpatientProtocol,
        root_path=request.param,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def ask(line: socket.socket, method: str, target: str) -> tuple[int, str]:
    """One request over a connection that stays: its status and body."""
    line.sendall(f"{method} {target} HTTP/1.1\r\nHost: elsewhere\r\n\r\n".encode())
    received = b""
    while True:
        received += line.recv(65536)
        head, end, body = received.partition(b"\r\n\r\n")
        if not end:
            continue
        names = dict(text.lower().split(b": ", 1) for text in head.split(b"\r\n")[1:])
        if len(body) >= int(names[b"content-length"]):
            return int(head.split()[1]), body.decode()


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("http://inspect.plant/parts/a", "a "),
        ("http://inspect.plant:8000/parts/a?x=1", "a 1"),
        ("https://inspect.plant/parts/a", "a "),
        ("HTTP://INSPECT.PLANT/parts/a", "a "),
        ("http://user@[::1]:8000/parts/a", "a "),
        ("http://inspect.plant/parts/a%20b%C3%BC?x=%2F", "a b\u00fc /"),
        ("http://a%2Fb/parts/c", "c "),
        ("http://inspect.plant", "root "),
        ("http://inspect.plant/", "root "),
        ("http://inspect.plant?x=1", "root 1"),
        ("/parts/http:", "http: "),
        ("/parts/a?x=http://b/c", "a http://b/c"),
    ],
)
def test_what_an_absolute_target_names_is_served(port: int, target: str, answer: str) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        assert ask(line, "GET", target) == (200, json.dumps(answer, ensure_ascii=False))


def test_problems_and_the_log_have_its_path(port: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.http.telemetry")
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        status, body = ask(line, "GET", "http://inspect.plant/nowhere?x=1")
    instance = json.loads(body)["instance"]
    assert (status, instance.removeprefix("/behind")) == (404, "/nowhere")
    lines = (each for each in caplog.records if each.name == "app.http.telemetry")
    wait_for(lambda: "app.http.telemetry" in {each.name for each in caplog.records})
    (record,) = lines
    assert record.getMessage().startswith(f"GET {instance} 404 ")
    assert record.fields["path"] == instance  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("OPTIONS", "*"),
        ("GET", "*"),
        ("CONNECT", "inspect.plant:443"),
        ("GET", "ftp://inspect.plant/parts/a"),
        ("GET", "parts/a"),
    ],
)
def test_what_names_nothing_here_is_a_problem_and_the_connection_goes_on(
    port: int, method: str, target: str
) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        status, body = ask(line, method, target)
        assert (status, json.loads(body)["status"]) == (404, 404)
        assert ask(line, "GET", "http://inspect.plant/")[0] == 200
