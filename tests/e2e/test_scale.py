"""The arrangement of the profile `scale` as plain processes: the proxy, two replicas, PostgreSQL.

A replica that is stopped or killed under load costs no client an answer, and what is calibrated
through one of them decides on the other within a second.
"""

import json
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.rounding import STEP
from tests.e2e import proxy
from tests.e2e.freshness import A_SECOND, outdated_for
from tests.e2e.serving import Server, tiny_vit
from tests.pictures import file_of
from tests.store import cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
PATH = "/predict?category=nut&heatmap=none"
CLIENTS = 6
PAUSE_S = 0.1  # of each client: replicas that start share the machine with all of this


def noise(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    return file_of(Image.fromarray(pixels))


PICTURES = [noise(seed) for seed in range(12)]


class Arrangement:
    """Two replicas by number, and the proxy before them."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder = folder
        self._settings = tiny_vit(folder) | {
            "CLIPAD_DATABASE_URL": database,
            "CLIPAD_THREADS": "1",
        }
        self._starts = 0
        self.replicas = [self._begun(), self._begun()]  # both at once: one makes the tables
        for replica in self.replicas:
            replica.__enter__()
        self.proxy = proxy.in_front_of([f"127.0.0.1:{one.port}" for one in self.replicas])

    def _begun(self, port: int | None = None) -> Server:
        self._starts += 1
        own = self._folder / f"replica-{self._starts}"
        own.mkdir()
        return Server(own, self._settings, port=port)

    def start_again(self, number: int) -> None:
        """A new process in the place of one that has ended; ready when this returns."""
        self.replicas[number] = self._begun(self.replicas[number].port)
        self.replicas[number].__enter__()

    def kill(self, number: int) -> None:
        """Without a word, in the middle of what it had been given by then."""
        process = self.replicas[number].process
        process.kill()
        process.wait(300)

    @contextmanager
    def holding_its_breath(self, number: int) -> Iterator[None]:
        """What this replica is given meanwhile it takes, and does nothing about."""
        process = self.replicas[number].process
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        for replica in self.replicas:
            replica.__exit__(None, None, None)


@pytest.fixture(scope="module")
def arrangement(
    postgresql_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arrangement]:
    proxy.binary()
    folder = tmp_path_factory.mktemp("scale")
    with cluster.database(postgresql_server) as url:
        arrangement = Arrangement(folder, url)
        try:
            with arrangement.proxy:
                yield arrangement
        finally:
            arrangement.end()


def post(url: str, path: str, *pictures: bytes, request_id: str = "") -> httpx.Response:
    files = [("image", (f"{n}.png", picture)) for n, picture in enumerate(pictures)]
    headers = {"X-Request-ID": request_id} if request_id else {}
    return proxy.HTTP.post(url + path, files=files, headers=headers)


@dataclass
class Load:
    """Clients that post pictures, each of which has a score of its own, until it is over.

    said: how many answers were right, wrong, or something else, in words.
    """

    url: str
    scores: list[float]
    said: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def client(self, number: int) -> None:
        with httpx.Client(base_url=self.url, timeout=300, trust_env=False) as http:
            turn = number
            while not self.over.is_set():
                turn += 1
                which = turn % len(PICTURES)
                self.said[self._one(http, which, f"load-{number}-{turn}")] += 1
                time.sleep(PAUSE_S)

    def _one(self, http: httpx.Client, which: int, request_id: str) -> str:
        headers = {"X-Request-ID": request_id}
        try:
            answer = http.post(PATH, content=PICTURES[which], headers=headers)
        except httpx.TransportError as error:
            return f"lost: {error!r}"
        if answer.status_code != 200:
            return f"{answer.status_code}: {answer.text}"
        close = abs(answer.json()["anomaly_score"] - self.scores[which]) <= 2 * STEP
        return "right" if close and answer.json()["request_id"] == request_id else "wrong"

    @contextmanager
    def going_on(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self.client, number) for number in range(CLIENTS)]
            try:
                self.some_more()
                yield
                self.some_more()
            finally:
                self.over.set()
        for client in clients:
            client.result()

    def some_more(self) -> None:
        """Returns once every client has been answered a few times more."""
        enough = self.said.total() + 5 * CLIENTS
        wait_for(lambda: self.said.total() >= enough)


@contextmanager
def half_sent(port: int, picture: bytes) -> Iterator[Callable[[], bytes]]:
    """A client that has sent half a picture; what is called sends the rest and gives the answer."""
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(picture)}\r\n\r\n"
        client.sendall(head.encode() + picture[: len(picture) // 2])
        time.sleep(0.2)  # it has been read

        def finish() -> bytes:
            client.sendall(picture[len(picture) // 2 :])
            return client.recv(65536)

        yield finish


def fates(log: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Ids of the load's requests, by what the first replica that was asked did."""
    found: dict[str, set[str]] = {"refused": set(), "broke": set(), "was not there": set()}
    for line in log:
        answered, connected = line["answered"].split(", "), line["connected"].split(", ")
        if line["id"].startswith("load-") and len(answered) > 1:
            fate = "was not there" if connected[0] == "-" else "broke"
            found["refused" if answered[0] == "503" else fate].add(line["id"])
    return found


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rounds", [1, pytest.param(6, marks=pytest.mark.nightly)])
def test_no_prediction_is_lost_or_wrong(arrangement: Arrangement, rounds: int) -> None:
    scores = [
        [post(one.url, PATH, picture).json()["anomaly_score"] for picture in PICTURES]
        for one in arrangement.replicas
    ]
    assert scores[0] == pytest.approx(scores[1], abs=2 * STEP)
    apart = np.diff(np.sort(scores[0]))
    assert apart.min() > 1e-3, "one picture's score would pass for another's"

    before = len(arrangement.proxy.log())
    load = Load(arrangement.proxy.url, scores[0])
    with load.going_on():
        for turn in range(rounds):
            told, killed = turn % 2, (turn + 1) % 2
            with half_sent(arrangement.replicas[told].port, PICTURES[0]) as finish:
                # The slow client's answer is waited for, so new requests are refused meanwhile.
                arrangement.replicas[told].process.send_signal(signal.SIGTERM)
                wait_for(lambda: bool(fates(arrangement.proxy.log()[before:])["refused"]))
                assert finish().startswith(b"HTTP/1.1 200 ")
            assert arrangement.replicas[told].process.wait(300) == 0
            load.some_more()
            arrangement.start_again(told)
            load.some_more()
            with arrangement.holding_its_breath(killed):
                load.some_more()  # by now it has been given something
                arrangement.kill(killed)
            load.some_more()
            arrangement.start_again(killed)
    assert load.said.keys() == {"right"}, load.said

    log = arrangement.proxy.log()[before:]
    found = fates(log)
    assert all(found.values()), "not every kind of failure came about"
    # What was asked twice may stand twice in the log; nothing else does.
    answer = proxy.HTTP.get(f"{arrangement.proxy.url}/inspections?limit=10000")
    lines = Counter(line["request_id"] for line in answer.json()["inspections"])
    assert {name for name, count in lines.items() if count > 1} <= found["broke"]
    counts = {name: len(ids) for name, ids in found.items()}
    print(json.dumps({"right": load.said["right"], "first asked": counts}))


def outdated(url: str, calibrated: bool) -> float:
    return outdated_for(lambda: post(url, PATH, PICTURES[0]).json()["calibrated"] is calibrated)


def test_a_calibration_decides_everywhere_within_a_second(arrangement: Arrangement) -> None:
    one, other = (replica.url for replica in arrangement.replicas)
    said = proxy.HTTP.put(f"{one}/categories/nut", json={"alpha": 0.2})
    assert said.status_code == 200
    took = []
    for through in (one, arrangement.proxy.url):
        for url in (one, other):
            assert post(url, PATH, PICTURES[0]).json()["calibrated"] is False  # known as such
        said = post(through, "/categories/nut/calibration", *PICTURES[:6])
        assert (said.json()["n"], said.json()["calibrated"]) == (6, True)
        took.append(outdated(other, True))
        answers = [post(url, PATH, PICTURES[7]).json() for url in (one, other)]
        for key in ("anomaly_threshold", "is_anomalous", "p_value", "map_threshold"):
            assert answers[0][key] == answers[1][key]
        assert answers[0]["anomaly_threshold"] == said.json()["anomaly_threshold"]
        proxy.HTTP.delete(f"{through}/categories/nut/calibration").raise_for_status()
        took += [outdated(url, False) for url in (one, other)]
    assert max(took) < A_SECOND
    print(json.dumps({"seconds outdated at most": round(max(took), 2)}))


def test_a_calibration_that_is_cut_off_is_not_posted_again(arrangement: Arrangement) -> None:
    """The last test here: it leaves one replica alone."""
    names = ("bolt", "washer")
    with ThreadPoolExecutor(2) as pool:
        with arrangement.holding_its_breath(1):
            posted = {
                name: pool.submit(
                    post,
                    arrangement.proxy.url,
                    f"/categories/{name}/calibration",
                    *PICTURES[:3],
                    request_id=name,
                )
                for name in names
            }
            # They take turns: one of the two goes to the replica that breathes.
            wait_for(lambda: any(future.done() for future in posted.values()))
            arrangement.kill(1)
        answers = {name: future.result() for name, future in posted.items()}
    cut_off = [name for name, answer in answers.items() if answer.status_code == 502]
    assert len(cut_off) == 1, answers
    (kept,) = set(names) - set(cut_off)
    assert answers[kept].json()["n"] == 3
    assert arrangement.proxy.said_of(cut_off[0])["replicas"].count(":") == 1
    left = arrangement.replicas[0].url
    for name, expected in ((kept, 200), (cut_off[0], 404)):
        found = proxy.HTTP.get(f"{left}/categories/{name}/calibration")
        assert found.status_code == expected
