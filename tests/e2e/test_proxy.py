"""The proxy of the profile `scale` before servers that do as they are told: what it repeats, what
it never does, and what it says itself. docs/scale.md has the table; each of its cells is tried.
"""

import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingUDPServer
from urllib.parse import quote

import httpx
import pytest

from app.http.problems import MEDIA_TYPE
from app.http.schemas import Problem
from app.main import create_app
from app.offline.bench.process import free_port
from app.settings import Settings
from tests.e2e import proxy
from tests.e2e.serving import ROOT

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs" / "scale.md").read_text("utf-8")
CALIBRATION = "/categories/{}/calibration"
AGAIN, ONCE = "again", "once"
REFUSED, BREAKS, BREAKS_OFF, SILENT = "no connection", "breaks", "breaks off", "silent"
# A column of the page's table: what the first replica does, one case each.
EVENTS = {
    "there is no connection": [REFUSED],
    "it answers 503": ["503"],
    "it takes the request and the connection breaks": [BREAKS],
    "its answer breaks off": [BREAKS_OFF],
    "it stays silent": [SILENT],
    "it answers 429, 500, 504": ["429", "500", "504"],
}
SHORT = {"proxy_read_timeout": "600ms", "proxy_next_upstream_timeout": "300ms"}
PATIENCE_S = 300


def table() -> Iterator[tuple[str, str, str]]:
    """Request, event, and whether another replica is asked then, as the page says it."""
    (block,) = re.findall(r"^\| asked \|.*?(?=^$)", PAGE, re.MULTILINE | re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in block.splitlines()]
    assert set(rows[0][1:]) == EVENTS.keys()
    for asked, *cells in rows[2:]:
        for column, cell in zip(rows[0][1:], cells, strict=True):
            for event in EVENTS[column]:
                yield asked.strip("`"), event, cell


CELLS = list(table())


@dataclass
class Plan:
    """What those who are asked do, in the order they are asked; at the end they answer 200."""

    events: list[str] = field(default_factory=list)
    asked: list["Asked"] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def next(self, asked: "Asked") -> str:
        with self.lock:
            self.asked.append(asked)
            return self.events.pop(0) if self.events else "200"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Replica(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, plan: Plan, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Answer)
        self.plan = plan
        self.address = f"{host}:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Replica
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        event = self.server.plan.next(Asked(self.command, self.path, headers, body))
        if event == SILENT:
            self.server.plan.over.wait(PATIENCE_S)
        if event in (BREAKS, SILENT):
            self.close_connection = True
            return
        status = 200 if event == BREAKS_OFF else int(event)
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("X-Request-ID", headers["x-request-id"])
        if status in (429, 503):
            self.send_header("Retry-After", "7")
        content = f"{status} of {self.server.address}".encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:3] if event == BREAKS_OFF else content)
        self.close_connection = event == BREAKS_OFF

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the tests' output is theirs."""


@contextmanager
def running(replica: Replica) -> Iterator[Replica]:
    thread = threading.Thread(target=replica.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield replica
    finally:
        replica.shutdown()
        thread.join()
        replica.server_close()


@contextmanager
def arranged(
    *events: str, reachable: tuple[bool, ...] = (True, True), **changes: str
) -> Iterator[tuple[proxy.Proxy, Plan]]:
    """A proxy before two replicas with one plan. reachable: whether each of them listens."""
    plan = Plan(list(events))
    with ExitStack() as stack:
        addresses = []
        for listens in reachable:
            replica = stack.enter_context(running(Replica(plan))) if listens else None
            addresses.append(replica.address if replica else f"127.0.0.1:{free_port()}")
        stack.callback(plan.over.set)
        yield stack.enter_context(proxy.in_front_of(addresses, **changes)), plan


def ask(url: str, asked: str, **options: object) -> httpx.Response:
    method, path = asked.split()
    return proxy.HTTP.request(method, url + path, **options)  # type: ignore[arg-type]


def connected(at: proxy.Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", at.port), PATIENCE_S)


def body_of(asked: str) -> dict[str, bytes]:
    return {"content": b"x" * 3_000_000} if asked.startswith(("POST", "PUT")) else {}


def problem_in(answer: httpx.Response) -> Problem:
    """The proxy's own answer, in the shape of the service's."""
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = Problem.model_validate(answer.json(), extra="forbid")
    assert problem.status == answer.status_code
    assert problem.request_id == answer.headers["x-request-id"]
    return problem


@pytest.mark.parametrize(("asked", "event", "then"), CELLS)
def test_another_replica_is_asked_where_the_page_says_so(asked: str, event: str, then: str) -> None:
    assert then in (AGAIN, ONCE)
    refused, times = event == REFUSED, SHORT if event == SILENT else {}
    with arranged(*[event] * (not refused), reachable=(not refused, True), **times) as (at, plan):
        headers = {"X-Request-ID": "this-one"}
        broken = None
        try:
            answer = ask(at.url, asked, headers=headers, **body_of(asked))
        except httpx.RemoteProtocolError as error:
            broken = error
        said = at.said_of("this-one")
    assert len(said["replicas"].split(", ")) == 1 + (then == AGAIN)
    assert len(plan.asked) == 1 + (then == AGAIN) - refused
    # Each time the same: all of the body, and the same id.
    assert {one.headers["x-request-id"] for one in plan.asked} == {"this-one"}
    assert {one.body for one in plan.asked} == {body_of(asked).get("content", b"")}
    if event == BREAKS_OFF:
        assert broken
        return
    assert broken is None
    assert answer.headers["x-request-id"] == "this-one"
    if then == AGAIN:
        assert answer.status_code == 200
        assert answer.text == f"200 of {said['replicas'].split(', ')[1]}"
    elif event == BREAKS:
        assert problem_in(answer).status == 502
        assert "retry-after" not in answer.headers
    elif event == SILENT:
        assert problem_in(answer).status == 504
    else:  # as it came, the time to wait included
        assert answer.text.startswith(event)
        assert answer.status_code == int(event)
        assert answer.headers.get("retry-after") == ("7" if event in ("429", "503") else None)


def test_the_table_is_complete() -> None:
    """Whatever the service is asked outside /categories must bear to be asked again."""
    paths = create_app(Settings()).openapi()["paths"]
    changing = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods.keys() - {"get", "head"}
    }
    rows = {asked.replace("nut", "{id}") for asked, _, _ in CELLS} | {
        "DELETE /categories/{id}/calibration",  # as any other DELETE
        "DELETE /categories/{id}/calibration/{sample}",
    }
    assert changing <= rows
    pure = {asked for asked in changing if not asked.partition(" ")[2].startswith("/categories")}
    assert pure == {"POST /predict", "POST /predict/batch"}


def test_a_picture_that_kills_replicas_meets_three_of_them() -> None:
    with arranged(*[BREAKS] * 9, reachable=(True,) * 4) as (at, plan):
        assert problem_in(ask(at.url, "POST /predict", content=b"x")).status == 503
        assert len(plan.asked) == 3


def test_a_refusal_takes_no_replica_out_of_the_line() -> None:
    """A picture or a database that fails at every replica must not shut the others' clients out."""
    with arranged(*["503"] * 20) as (at, plan):
        for _ in range(10):
            assert ask(at.url, "POST /predict", content=b"x").headers["retry-after"] == "7"
        assert len(plan.asked) == 20  # both, each time
        assert ask(at.url, "POST /predict", content=b"x").status_code == 200


def test_who_asks_again_after_a_refused_change_is_sent_to_another_replica() -> None:
    with arranged("503") as (at, plan):
        first = ask(at.url, "POST /categories/nut/calibration", content=b"x")
        assert (first.status_code, first.headers["retry-after"]) == (503, "7")
        second = ask(at.url, "POST /categories/nut/calibration", content=b"x")
        assert second.status_code == 200
        assert second.text.rpartition(" ")[2] not in first.text
        assert len(plan.asked) == 2


def test_changes_go_over_connections_of_their_own() -> None:
    """One at rest may be closed just then: whether the change was made would not be known."""
    with arranged() as (at, plan):
        for _ in range(3):
            ask(at.url, "POST /predict", content=b"x")
            ask(at.url, "POST /categories/nut/calibration", content=b"x")
        kept = [one.headers.get("connection") for one in plan.asked]
    assert kept == [None, "close"] * 3


def test_without_any_replica_the_proxy_says_so() -> None:
    with arranged(reachable=(False, False)) as (at, _):
        answer = ask(at.url, "POST /predict?category=nut", content=b"x")
        problem = problem_in(answer)
        assert (problem.status, problem.instance) == (503, "/predict")
        assert problem.type == "urn:clip-ad:problem:not-ready"
        assert int(answer.headers["retry-after"]) > 0
        assert ask(at.url, "GET /readyz").status_code == 503
        # Of a change it cannot say that nothing happened, so nobody is told to ask again.
        answer = ask(at.url, "POST /categories/nut/calibration", content=b"x")
        assert problem_in(answer).status == 502
        assert "retry-after" not in answer.headers


@pytest.mark.parametrize(
    ("path", "mebibytes"),
    [
        ("/predict", 24),
        ("/predict/batch", 648),
        ("/categories/import", 24),
        ("/categories/a nut/calibration", 5122),
    ],
)
def test_a_body_beyond_all_limits_is_refused_by_its_head(path: str, mebibytes: int) -> None:
    with arranged() as (at, plan):
        for excess, expected in ((1, b" 413 "), (0, b" 100 ")):
            with connected(at) as client:
                length = mebibytes * 1024**2 + excess
                head = f"POST {quote(path)} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n"
                client.sendall(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
                answer = client.recv(4096)
            assert expected in answer.partition(b"\r\n")[0] + b" "
            if excess:
                assert plan.asked == []
        # Of the one that stopped after its head only a calibration's replica has heard.
        assert {one.path for one in plan.asked} <= {quote(CALIBRATION.format("a nut"))}


def test_its_own_problems_look_like_the_services() -> None:
    with arranged() as (at, plan):
        assert problem_in(ask(at.url, "POST /predict", content=bytes(25 * 1024**2))).status == 413
        problem = problem_in(ask(at.url, 'GET /metrics?"=%22'))
        assert (problem.status, problem.instance) == (404, "/metrics")
        with connected(at) as client:
            client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n")
            head, _, body = client.recv(8192).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert Problem.model_validate_json(body).status == 400
        for asked, status in (
            (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: odd\r\n\r\n", 501),
            (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
            (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ):
            with connected(at) as client:
                client.sendall(asked)
                head, _, body = client.recv(8192).partition(b"\r\n\r\n")
            assert Problem.model_validate_json(body).status == status, asked
            assert b"application/problem+json" in head
        assert plan.asked == []


def test_probes_that_speak_http_1_0_are_answered() -> None:
    with (
        arranged() as (at, plan),
        connected(at) as client,
    ):
        client.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
        assert b" 200 " in client.recv(4096).partition(b"\r\n")[0]
        assert [one.headers["host"] for one in plan.asked] == ["clip-ad"]


def test_a_slow_client_holds_no_place_in_a_replica() -> None:
    with (
        arranged() as (at, plan),
        connected(at) as client,
    ):
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nha")
        time.sleep(0.3)
        assert plan.asked == []
        client.sendall(b"lf")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert [one.body for one in plan.asked] == [b"half"]


def test_a_calibration_is_sent_on_as_it_comes() -> None:
    """It may be larger than the proxy's memory."""
    with (
        socket.create_server(("127.0.0.1", 0)) as replica,
        proxy.in_front_of([f"127.0.0.1:{replica.getsockname()[1]}"]) as at,
        socket.create_connection(("127.0.0.1", at.port), 10) as client,
    ):
        path = CALIBRATION.format("nut")
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
        client.sendall(f"{head}ha".encode())
        replica.settimeout(10)
        connection, _ = replica.accept()
        with connection:
            connection.settimeout(10)
            come = b""
            while not come.endswith(b"\r\n\r\nha"):
                come += connection.recv(4096)
            client.sendall(b"lf")
            assert connection.recv(4096) == b"lf"
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_refusal_reaches_a_client_that_is_still_sending() -> None:
    """A replica without room says so by the head alone, in the middle of a calibration's body."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        answer = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 2\r\n"

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer + b"Connection: close\r\n\r\n{}")
                while connection.recv(65_536):
                    pass

        refusing = threading.Thread(target=refuse)
        refusing.start()
        stack.callback(refusing.join, 10)
        at = stack.enter_context(proxy.in_front_of([f"127.0.0.1:{server.getsockname()[1]}"]))
        told = ask(at.url, f"POST {CALIBRATION.format('nut')}", content=bytes(50_000_000))
        assert (told.status_code, told.headers["retry-after"]) == (429, "5")


def test_the_service_learns_who_asks_and_under_which_id() -> None:
    with arranged() as (at, plan):
        pretended = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
        ask(at.url, "GET /model", headers=pretended | {"X-Request-ID": "not one word"})
        (asked,) = plan.asked
        assert re.fullmatch(r"[0-9a-f]{32}", asked.headers["x-request-id"])
        assert asked.headers["x-forwarded-for"] == "127.0.0.1"
        assert asked.headers["x-forwarded-proto"] == "http"
        assert asked.headers["host"] == f"127.0.0.1:{at.port}"


def test_requests_go_to_the_replica_with_the_fewest() -> None:
    with arranged(SILENT) as (at, plan):
        with connected(at) as waiting:
            waiting.sendall(b"GET /model HTTP/1.1\r\nHost: x\r\n\r\n")
            while not plan.asked:
                time.sleep(0.01)
            others = {ask(at.url, "GET /model").text for _ in range(4)}
        assert len(others) == 1


def test_the_pages_lines_for_tls_work(tmp_path: Path) -> None:
    (lines,) = re.findall(r"^```nginx\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    subprocess.run(
        [*made, "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    key, certificate = ((tmp_path / name).read_text() for name in ("key.pem", "cert.pem"))
    plan, port = Plan(), free_port()
    with running(Replica(plan)) as replica:
        text = proxy.configuration(port, [replica.address])
        told = lines.replace("8443", f"127.0.0.1:{port}").replace("/run/secrets/", "")
        plain = f"listen 127.0.0.1:{free_port()};"
        text = text.replace(f"listen 127.0.0.1:{port};", plain + told)
        at = proxy.Proxy(text, port)
        (at.folder / "tls_key").write_text(key)
        (at.folder / "tls_certificate").write_text(certificate)
        with at:
            trusted = ssl.create_default_context(cadata=certificate)
            trusted.check_hostname = False
            answer = httpx.get(f"https://127.0.0.1:{port}/model", verify=trusted, trust_env=False)
    assert answer.status_code == 200
    assert plan.asked[0].headers["x-forwarded-proto"] == "https"


class Names(ThreadingUDPServer):
    """A DNS server that gives the addresses in `hosts` to every question."""

    daemon_threads = True

    def __init__(self, hosts: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Reply)
        self.hosts = hosts


class _Reply(BaseRequestHandler):
    server: Names

    def handle(self) -> None:
        data, connection = self.request
        hosts = self.server.hosts
        question = data[12 : data.index(b"\0", 12) + 5]
        head = data[:2] + b"\x81\x80" + bytes([0, 1, 0, len(hosts), 0, 0, 0, 0])
        pointer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04"  # this name has, for 1 s, the address ...
        answers = [pointer + socket.inet_aton(host) for host in hosts]
        connection.sendto(head + question + b"".join(answers), self.client_address)


def test_a_replica_made_anew_is_found_under_its_new_address() -> None:
    """With the file as it is: only where nginx looks for names, and for ports, is ours."""
    if proxy.version() < (1, 27, 3):
        pytest.skip(
            f"NOT TESTED with nginx {'.'.join(map(str, proxy.version()))}: "
            "looking for names again takes 1.27.3 or newer, which docker-compose.yml uses"
        )
    plan, port, at_port = Plan(), free_port(), free_port()
    text = proxy.CONFIGURATION.read_text("utf-8").replace("listen 8080", f"listen 127.0.0.1:{port}")
    with ExitStack() as stack:
        stack.enter_context(running(Replica(plan, "127.0.0.2", at_port)))
        names = stack.enter_context(Names(["127.0.0.2"]))
        threading.Thread(target=names.serve_forever).start()
        stack.callback(names.shutdown)
        text = text.replace("127.0.0.11", f"127.0.0.1:{names.server_address[1]}")
        text = text.replace("replica:8000", f"replica:{at_port}")
        at = stack.enter_context(proxy.Proxy(text, port))
        seen: list[str] = []
        for host in ("127.0.0.2", "127.0.0.3"):
            if host not in names.hosts:
                stack.enter_context(running(Replica(plan, host, at_port)))
                names.hosts = [host]
            end = time.monotonic() + PATIENCE_S
            while not seen or not seen[-1].endswith(f"{host}:{at_port}"):
                assert time.monotonic() < end, seen
                seen.append(ask(at.url, "GET /model").text)
                time.sleep(0.05)
