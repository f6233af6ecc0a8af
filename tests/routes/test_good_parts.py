"""Many good parts in one request: on the disk until their turn, each with its own time, beside
predictions, all or nothing where the process or the client leaves."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message
from torch import Tensor

from app import inspection
from app.clipad.detector import Detection
from app.images.reading import ImageLimits, Picture, read_picture
from tests.fakes import FakeDetector
from tests.pictures import PNG
from tests.routes.conftest import Serve
from tests.routes.test_calibration import listed
from tests.routes.test_categories import good, predict, put
from tests.waiting import wait_for

WHERE = "/categories/nut/calibration"
PATIENCE_S = 60


class Clock:
    """The clock of an application's event loop, which a test may put forward."""

    def __init__(self, client: TestClient) -> None:
        self.ahead = 0.0
        self._client = client
        in_loop(client, self._install)

    async def _install(self) -> None:
        loop = asyncio.get_running_loop()
        real = loop.time
        loop.time = lambda: real() + self.ahead  # type: ignore[method-assign]

    def forward(self, seconds: float) -> None:
        """From another thread, once all that is begun waits; what is due then is done."""
        in_loop(self._client, _turns)
        self.ahead += seconds
        in_loop(self._client, _turns)


async def _turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Slow(FakeDetector):
    """Takes a second of a clock for each picture."""

    clock: Clock | None = None

    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Detection:
        if self.clock is not None:
            self.clock.ahead += len(images)
        return super().detect(images, text, method)


class Stepping(FakeDetector):
    """Computes a batch whenever it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.step = threading.Semaphore(10)  # as many as warming up may take

    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Detection:
        assert self.step.acquire(timeout=PATIENCE_S)
        return super().detect(images, text, method)

    def hold(self) -> None:
        while self.step.acquire(blocking=False):
            pass


def pictures(count: int) -> list[tuple[str, tuple[str, bytes]]]:
    return [("image", (f"{number}.png", good(number))) for number in range(count)]


def post(client: TestClient, count: int) -> Any:
    return client.post(WHERE, files=pictures(count))


def in_loop(client: TestClient, work: Callable[[], Awaitable[Any]]) -> Any:
    """Something done in the application's own event loop."""
    assert client.portal is not None
    return client.portal.call(work)


def spooled(folder: str) -> list[str]:
    """This process's files in the folder that have no name there."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:  # closed meanwhile
            continue
    return [link for link in links if link.startswith(folder) and link.endswith("(deleted)")]


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_sixty_together_may_take_longer_than_a_request(serve: Serve) -> None:
    slow = Slow()
    client = serve(slow, request_timeout_s=30)
    slow.clock = Clock(client)
    answer = post(client, 60)
    assert slow.clock.ahead == 60
    assert answer.status_code == 200
    found = answer.json()
    assert (found["n"], found["added"], found["failed"], found["calibrated"]) == (60, 60, 0, True)
    assert [entry["filename"] for entry in found["entries"]] == [f"{i}.png" for i in range(60)]
    # In their order, whichever was measured first.
    scores = [sample["scores"][0]["score"] for sample in listed(client)]
    assert scores == sorted(scores)
    assert [sample["id"] for sample in listed(client)] == [
        entry["sample"] for entry in found["entries"]
    ]


def test_one_that_is_over_its_time_is_its_own_problem(
    serve: Serve, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    enough = threading.Event()

    def reading(data: bytes, limits: ImageLimits) -> Picture:
        if data == good(2):
            enough.wait(PATIENCE_S)
        return read_picture(data, limits)

    client = serve(request_timeout_s=30)
    clock = Clock(client)
    put(client, "nut")
    detector.batches.clear()
    monkeypatch.setattr(inspection, "read_picture", reading)
    with ThreadPoolExecutor() as pool:
        posted = pool.submit(post, client, 6)
        wait_for(lambda: sum(detector.batches) == 5)
        clock.forward(31)
        answer = posted.result(PATIENCE_S)
        enough.set()
    assert answer.status_code == 200
    entries = answer.json()["entries"]
    statuses = [entry["problem"] and entry["problem"]["status"] for entry in entries]
    assert statuses == [None, None, 504, None, None, None]
    assert len(listed(client)) == 5


def test_more_than_allowed_are_refused_and_the_limit_is_named(serve: Serve) -> None:
    client = serve(max_images=2, max_calibration_images=5)
    assert post(client, 5).json()["n"] == 5
    refused = post(client, 6)
    assert problem(refused) == (422, "field")
    assert "more than 5 given: expected at most 5 in one request" in refused.json()["detail"]
    assert len(listed(client)) == 5
    batch = [("image", data) for _, (_, data) in pictures(3)]
    assert client.post("/predict/batch?category=nut", files=batch).status_code == 422


def test_one_picture_may_be_the_body_itself(client: TestClient) -> None:
    answer = client.post(WHERE, content=PNG, headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["n"]) == (200, 1)
    assert answer.json()["entries"][0]["filename"] is None


def test_predictions_do_not_wait_for_those_ahead(serve: Serve) -> None:
    detector = Stepping()
    client = serve(detector)
    put(client, "nut")
    detector.hold()
    detector.batches.clear()
    with ThreadPoolExecutor() as pool:
        posted = pool.submit(post, client, 40)
        wait_for(lambda: in_model(client) >= 1)
        asked = [pool.submit(predict, client, "nut", PNG) for _ in range(3)]
        wait_for(lambda: in_model(client) == 1 + 3)
        for _ in range(3):  # the batch under way, that of the predictions, and one more
            detector.step.release()
        assert all(answer.result(PATIENCE_S)["anomaly_score"] > 0 for answer in asked)
        assert not posted.done()
        for _ in range(60):
            detector.step.release()
        assert posted.result(PATIENCE_S).json()["n"] == 40
    assert max(detector.batches) <= 1 + 3


def in_model(client: TestClient) -> int:
    """Pictures that wait for the model or are computed."""
    batcher = client.app.state.service.inspector.batcher  # type: ignore[attr-defined]
    return int(batcher.waiting) + len(batcher._computing)


def test_some_at_once_and_others_are_told_to_wait(serve: Serve, detector: FakeDetector) -> None:
    client = serve()
    detector.gate.clear()
    with ThreadPoolExecutor() as pool:
        posted = [pool.submit(post, client, 3) for _ in range(4)]
        wait_for(lambda: in_model(client) >= 4)
        fifth = post(client, 1)
        assert problem(fifth) == (429, "too-many-requests")
        assert int(fifth.headers["Retry-After"]) >= 1
        assert "4 calibrations are under way" in fifth.json()["detail"]
        asked = pool.submit(predict, client, "nut")
        detector.gate.set()
        assert asked.result(PATIENCE_S)
        assert [answer.result(PATIENCE_S).status_code for answer in posted] == [200] * 4
    assert post(client, 1).json()["n"] == 13


def test_a_full_disk_is_503_and_predictions_go_on(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()

    class Full:
        free = 0

    monkeypatch.setattr("shutil.disk_usage", lambda _: Full)
    answer = post(client, 2)
    assert problem(answer) == (503, "not-ready")
    assert int(answer.headers["Retry-After"]) >= 1
    assert "No space left on device" in answer.json()["detail"]
    assert client.get("/categories").json() == []
    assert predict(client, "nut")


def test_what_waits_lies_on_the_disk_and_is_gone_afterwards(
    serve: Serve, detector: FakeDetector
) -> None:
    folder = os.environ["CLIPAD_DATA_DIR"]
    client = serve()
    detector.gate.clear()
    with ThreadPoolExecutor() as pool:
        posted = pool.submit(post, client, 5)
        wait_for(lambda: in_model(client) >= 1)
        assert len(spooled(folder)) == 1
        detector.gate.set()
        assert posted.result(PATIENCE_S).status_code == 200
    assert spooled(folder) == []


@pytest.mark.parametrize("count", [1, 5])
def test_a_client_that_leaves_leaves_nothing(
    serve: Serve, detector: FakeDetector, count: int
) -> None:
    """Whether in the middle of its body or while it is measured."""
    folder = os.environ["CLIPAD_DATA_DIR"]
    client = serve()
    detector.gate.clear()
    body, kind = form_of(client, 5)

    async def scene() -> None:
        leaving = asyncio.Event()
        sent = iter([body[: len(body) * count // 5]])

        async def receive() -> Message:
            for part in sent:
                return {"type": "http.request", "body": part, "more_body": count < 5}
            await leaving.wait()
            return {"type": "http.disconnect"}

        asking = asyncio.create_task(asked(client, kind, receive))
        while not spooled(folder) or (count == 5 and not in_model(client)):
            await asyncio.sleep(0.01)
        leaving.set()
        assert await asyncio.wait_for(asking, PATIENCE_S) == []

    in_loop(client, scene)
    wait_for(lambda: spooled(folder) == [])
    detector.gate.set()
    assert client.get("/categories").json() == []
    assert post(client, 1).json()["n"] == 1


def test_each_picture_has_its_own_time_to_arrive(serve: Serve) -> None:
    client = serve(request_timeout_s=30)
    body, kind = form_of(client, 6)
    sixth = len(body) // 6 + 1

    clock = Clock(client)

    async def scene(pause: float) -> list[Message]:
        """The body in six parts, so long after each other."""
        parts = iter(range(0, len(body), sixth))

        async def receive() -> Message:
            for start in parts:
                clock.ahead += pause
                await asyncio.sleep(0)
                more = start + sixth < len(body)
                part = body[start : start + sixth]
                return {"type": "http.request", "body": part, "more_body": more}
            await asyncio.Event().wait()
            raise AssertionError

        return await asked(client, kind, receive)

    sent = in_loop(client, lambda: scene(10.0))
    assert sent[0]["status"] == 200
    assert len(listed(client)) == 6
    late = in_loop(client, lambda: scene(31.0))
    assert late[0]["status"] == 504
    assert b"image 1 has not arrived: expected each within 30 s" in late[1]["body"]
    assert len(listed(client)) == 6


def test_a_process_that_is_stopped_waits_as_long_as_for_any_request_and_keeps_nothing(
    serve: Serve, detector: FakeDetector
) -> None:
    client = serve(request_timeout_s=30)
    service = client.app.state.service  # type: ignore[attr-defined]
    clock = Clock(client)
    detector.gate.clear()
    with ThreadPoolExecutor() as pool:
        posted = pool.submit(post, client, 200)
        wait_for(lambda: in_model(client) >= 1)
        clock.forward(10)

        async def drain() -> None:
            service.lifecycle.drain()

        in_loop(client, drain)
        clock.forward(19)
        assert not posted.done()
        clock.forward(12)
        answer = posted.result(PATIENCE_S)
    assert problem(answer) == (503, "not-ready")
    assert "the service is stopping: this was not done 30 s later" in answer.json()["detail"]
    assert in_loop(client, service.admission.idle) is None  # nobody waits for it any more
    assert service.ledger.store.categories() == []
    detector.gate.set()


def test_a_model_that_answers_no_more_ends_all_of_it(serve: Serve, detector: FakeDetector) -> None:
    """Not with some parts kept and the others refused one by one."""
    client = serve()
    service = client.app.state.service  # type: ignore[attr-defined]
    detector.gate.clear()
    with ThreadPoolExecutor() as pool:
        posted = pool.submit(post, client, 200)
        wait_for(lambda: in_model(client) >= 1)

        async def close() -> None:
            service.lifecycle.drain()
            await service.inspector.batcher.drain()

        detector.gate.set()
        in_loop(client, close)
        answer = posted.result(PATIENCE_S)
    assert problem(answer) == (503, "not-ready")
    assert service.ledger.store.categories() == []


def form_of(client: TestClient, count: int) -> tuple[bytes, bytes]:
    """A form with so many pictures, and its Content-Type."""
    request = client.build_request("POST", WHERE, files=pictures(count))
    return request.read(), request.headers["content-type"].encode()


async def asked(
    client: TestClient, kind: bytes, receive: Callable[[], Awaitable[Message]]
) -> list[Message]:
    """What the application sends to a request whose body comes from `receive`."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": WHERE,
        "query_string": b"",
        "headers": [(b"content-type", kind)],
    }
    await client.app(scope, receive, send)
    return sent
