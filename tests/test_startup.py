"""Before it is ready: CPUs counted, work beside the event loop."""

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from app.batching import Batcher
from app.inspection import Finding, Sample, model_run
from app.startup import generated_png, in_daemon_thread, usable_cpus, warm_up_sizes
from tests.fakes import INFO, FakeDetector


@pytest.fixture
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [
        ("max 100000\n", 8),
        ("250000 100000\n", 2),
        ("50000 100000\n", 1),
        ("1600000 100000\n", 8),
        ("", 8),
    ],
)
@pytest.mark.usefixtures("eight_cpus")
def test_a_container_s_quota_counts(tmp_path: Path, quota: str, cpus: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert usable_cpus(file) == cpus


@pytest.mark.usefixtures("eight_cpus")
def test_without_control_groups(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path / "absent") == 8


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
