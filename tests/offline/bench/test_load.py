"""Load: how many requests, when they end, what is counted; against a server of a few lines."""

import asyncio
import json
import math
import threading
from collections.abc import Iterator

import pytest

from app.offline.bench.load import (
    Answer,
    Load,
    answers_beside,
    closed_loop,
    in_turns,
    open_loop,
    percentile,
)

TIMING = {"decode": 1.0, "queue": 2.0, "model": 3.0, "render": 0.0, "total": 6.0}


class Server:
    """Answers every POST with the next status in turn; 0 hangs up. Notes how many at once."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.under_way = 0
        self.most = 0
        self.posts = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while head := await self._head(reader):
            length = next((int(line.split(b":")[1]) for line in head if b"ength" in line), 0)
            await reader.readexactly(length)
            status = 200
            if head[0].startswith(b"POST"):
                status = self.statuses[self.posts % len(self.statuses)]
                self.posts += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(0.02)
            self.under_way -= 1
            if not status:
                break
            body = json.dumps({"timing_ms": TIMING}).encode()
            start = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(start.encode() + body)
        writer.close()

    @staticmethod
    async def _head(reader: asyncio.StreamReader) -> list[bytes]:
        try:
            return (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return []


@pytest.fixture
def server() -> Iterator[tuple[Server, str]]:
    found = Server()
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(asyncio.start_server(found.answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port = listening.sockets[0].getsockname()[1]
    yield found, f"http://127.0.0.1:{port}/predict"

    async def end() -> None:
        listening.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        for writer in found.writers:
            writer.close()
        closed = (writer.wait_closed() for writer in found.writers)
        await asyncio.gather(*tasks, *closed, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(end(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_closed_loop_keeps_so_many_under_way_and_ends_with_its_requests(
    server: tuple[Server, str],
) -> None:
    found, url = server
    counts: list[int] = []
    load = closed_loop(url, b"picture", 3, requests=10, seen=counts.append)
    assert (found.posts, found.most, len(load.served)) == (10, 3, 10)
    assert counts == list(range(1, 11))
    assert load.stage_ms("model") == 3
    assert load.rate == pytest.approx(10 / load.seconds)


def test_a_closed_loop_ends_with_its_time(server: tuple[Server, str]) -> None:
    load = closed_loop(server[1], b"picture", 2, seconds=1.0)
    assert 1.0 <= load.seconds < 60
    assert len(load.served) >= 4


def test_refused_and_broken_answers_are_told_apart(server: tuple[Server, str]) -> None:
    found, url = server
    found.statuses = [200, 429, 0]
    load = closed_loop(url, b"picture", 1, requests=6)
    assert [answer.status for answer in load.answers] == [200, 429, 0] * 2
    assert (len(load.served), len(load.refused)) == (2, 2)


def test_an_open_loop_does_not_wait_for_answers(server: tuple[Server, str]) -> None:
    found, url = server
    load = open_loop(url, b"picture", 100, 1.0)
    assert 70 <= found.posts <= 130
    assert found.most > 1
    assert load.seconds == 1.0


def test_another_path_is_asked_beside_the_load(server: tuple[Server, str]) -> None:
    found, url = server
    beside, load = answers_beside(url, url, b"picture", 1.5)
    assert len(load.served) == found.posts > 2
    assert len(beside.served) > 2


def test_what_was_served_too_late_does_not_count_for_the_rate() -> None:
    load = Load([Answer(200, 1, 1.0), Answer(200, 3, 3.0), Answer(429, 1, 1.0)], 2.0)
    assert load.rate == 0.5
    assert percentile(load.served, 50) == 2
    assert math.isnan(percentile([], 50))


def test_in_turns_every_url_is_asked_as_often(server: tuple[Server, str]) -> None:
    found, url = server
    first, second = in_turns([url + "?a", url + "?b"], b"picture", 5)
    assert (len(first), len(second), found.posts, found.most) == (5, 5, 10, 1)
    moments = [[answer.moment for answer in answers] for answers in (first, second)]
    earlier = [one < other for one, other in zip(*moments, strict=True)]
    assert earlier == [True, False, True, False, True]
