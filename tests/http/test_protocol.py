"""Clients that never finish asking: their connections end, those of others do not."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.http.protocol import ImpatientProtocol
from tests.waiting import wait_for

PATIENCE_S = 1.0  # of the server
_LONG_S = 300.0  # whatever is to happen has happened by then, on a busy machine too


class Hasty(ImpatientProtocol):
    patience_s = PATIENCE_S


class Patient(ImpatientProtocol):
    patience_s = _LONG_S


async def early(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("no need for a body")


async def whole(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())} bytes")


@contextmanager
def serving(
    protocol: type[ImpatientProtocol] = Hasty,
) -> Iterator[tuple[uvicorn.Server, int]]:
    """A server, and its port."""
    routes = [Route("/early", early, methods=["POST"]), Route("/whole", whole, methods=["POST"])]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="warning", http=protocol)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)
    yield server, server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(_LONG_S)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as (_, number):
        yield number


def seconds_until_closed(line: socket.socket, drip: bytes = b"") -> float:
    """Sends a byte of `drip` now and then until the other side has closed."""
    begin = time.monotonic()
    line.settimeout(0.1)
    while time.monotonic() < begin + _LONG_S:
        try:
            if drip:
                line.send(drip[:1])
                drip = drip[1:]
            if not line.recv(4096):
                return time.monotonic() - begin
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - begin
    pytest.fail("the connection was not closed")


def answered(line: socket.socket) -> bytes:
    """The body of the next answer."""
    line.settimeout(_LONG_S)
    received = b""
    while b"bytes" not in received:
        part = line.recv(4096)
        assert part, received
        received += part
    return received.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("start", "drip"),
    [
        (b"", b""),
        (b"POST /whole HT", b""),
        (b"POST /whole HTTP/1.1\r\nHost: x\r\n", b"X-Slow: " + 500 * b"y"),
        (b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", 500 * b"z"),
    ],
    ids=["silent", "half a line", "a head without end", "a body nobody waits for"],
)
def test_who_never_finishes_is_cut_off(port: int, start: bytes, drip: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(start)
        # It counts from when the server accepted, which may be a little before.
        assert seconds_until_closed(line, drip) > PATIENCE_S / 3


def test_a_slow_body_that_is_waited_for_is_let_be(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"POST /whole HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n")
        for _ in range(12):
            time.sleep(0.1)
            line.sendall(b"a")
        assert answered(line) == b"12 bytes"


@pytest.mark.parametrize(
    "start", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n"]
)
def test_what_is_no_http_is_told_so_as_a_problem(port: int, start: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(start + b"\r\n\r\n")
        line.settimeout(_LONG_S)
        received = b""
        while part := line.recv(4096):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    names = dict(text.split(b": ", 1) for text in head.lower().split(b"\r\n")[1:])
    assert names[b"content-type"] == b"application/problem+json"
    problem = json.loads(body)
    assert (problem["status"], problem["request_id"]) == (400, names[b"x-request-id"].decode())


def test_one_connection_serves_many_requests(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        for _ in range(5):
            line.sendall(b"POST /whole HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
            assert answered(line) == b"2 bytes"
            time.sleep(PATIENCE_S / 4)  # five times: longer than it waits for one


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize("asked_before", [False, True])
def test_who_asks_at_the_last_moment_is_answered(asked_before: bool) -> None:
    request = b"POST /whole HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
    with serving(Patient) as (server, port), socket.create_connection(("127.0.0.1", port)) as line:
        if asked_before:
            line.sendall(request)
            assert answered(line) == b"2 bytes"
        else:
            wait_for(lambda: bool(server.server_state.connections))
        server.should_exit = True
        wait_for(lambda: refuses(port))
        line.sendall(request)
        assert answered(line) == b"2 bytes"
