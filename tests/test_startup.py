"""Before it is ready: batches of every size, work beside the event loop."""

import asyncio
import threading
from dataclasses import replace

import pytest

from app.finding import Finding, Sample, model_run
from app.serving.batching import Batcher
from app.startup import generated_png, in_daemon_thread, warm_up_sizes
from tests.fakes import INFO, FakeDetector


@pytest.mark.parametrize(("runtime", "sizes"), [("torch", []), ("openvino", [1, 2, 3, 1, 2, 3])])
def test_every_size_is_run_once_where_that_matters(runtime: str, sizes: list[int]) -> None:
    detector = FakeDetector(("sdp", "sdp_plus"))
    detector.info = replace(INFO, runtime=runtime)

    async def scene() -> None:
        run = model_run(detector, lambda _size: None)
        batcher = Batcher[Sample, Finding](run, max_batch=3, max_wait_s=0, capacity=1)
        await warm_up_sizes(detector, batcher, None)
        await batcher.drain()

    asyncio.run(scene())
    assert detector.batches == sizes


def test_work_beside_the_event_loop() -> None:
    async def scene() -> None:
        assert await in_daemon_thread(threading.get_ident) != threading.get_ident()
        assert await in_daemon_thread(lambda: threading.current_thread().daemon)
        with pytest.raises(ZeroDivisionError):
            await in_daemon_thread(lambda: 1 // 0)

    asyncio.run(scene())


def test_work_that_outlives_its_loop_harms_nobody() -> None:
    gate = threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        threads.append(threading.current_thread())
        gate.wait(60)

    async def scene() -> None:
        task = asyncio.create_task(in_daemon_thread(work))
        while not threads:
            await asyncio.sleep(0.005)
        task.cancel()

    asyncio.run(scene())
    gate.set()
    threads[0].join(60)
    assert not threads[0].is_alive()


def test_the_generated_picture_is_always_the_same() -> None:
    assert generated_png(8) == generated_png(8)
