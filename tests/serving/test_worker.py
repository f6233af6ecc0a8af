"""One thread, its jobs, its death and its successor."""

import asyncio
import threading
import time

import pytest

from app.errors import NotReadyError
from app.serving import worker as worker_module
from app.serving.worker import Worker


def test_jobs_run_in_one_thread_of_its_name() -> None:
    async def scene() -> list[tuple[str, int]]:
        worker = Worker("model")
        try:
            return [await worker.run(name_and_number) for _ in range(3)]
        finally:
            worker.close()

    found = asyncio.run(scene())
    assert {name for name, _ in found} == {"model"}
    assert len(set(found)) == 1


def test_an_exception_is_the_job_s_own() -> None:
    async def scene() -> None:
        worker = Worker("model")
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        assert await worker.run(lambda: 5) == 5
        assert worker.deaths == 0
        worker.close()

    asyncio.run(scene())


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_dead_thread_has_a_successor(end: type[BaseException]) -> None:
    def die() -> None:
        raise end

    async def scene() -> None:
        worker = Worker("model")
        _, first = await worker.run(name_and_number)
        with pytest.raises(NotReadyError, match="'model' has died"):
            await worker.run(die)
        assert (worker.deaths, worker.busy_s) == (1, 0.0)
        assert await worker.run(lambda: 5) == 5
        _, second = await worker.run(name_and_number)
        assert second != first
        worker.close()

    asyncio.run(scene())


def test_how_long_a_job_has_been_running() -> None:
    async def scene() -> None:
        worker = Worker("model")
        gate = threading.Event()
        assert worker.busy_s == 0.0
        job = asyncio.create_task(worker.run(lambda: gate.wait(60)))
        while worker.busy_s < 0.05:
            await asyncio.sleep(0.01)
        gate.set()
        await job
        assert worker.busy_s == 0.0
        worker.close()

    asyncio.run(scene())


def test_a_job_that_hangs_keeps_no_process_alive() -> None:
    async def scene() -> None:
        asyncio.get_running_loop().create_task(Worker("hangs").run(lambda: time.sleep(3600)))
        await asyncio.sleep(0.1)

    asyncio.run(scene())
    (thread,) = (one for one in threading.enumerate() if one.name == "hangs")
    assert thread.daemon


def name_and_number() -> tuple[str, int]:
    thread = threading.current_thread()
    return thread.name, threading.get_native_id()


def test_a_job_right_after_the_death_finds_the_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    tell = worker_module._Job.fail

    def tell_and_linger(job: "worker_module._Job[object]", error: Exception) -> None:
        tell(job, error)
        time.sleep(0.3)  # the thread has told of its death and is not quite gone

    monkeypatch.setattr(worker_module._Job, "fail", tell_and_linger)

    def die() -> None:
        raise SystemExit

    async def scene() -> None:
        worker = Worker("model")
        with pytest.raises(NotReadyError):
            await worker.run(die)
        assert await asyncio.wait_for(worker.run(lambda: 5), 20) == 5
        worker.close()

    asyncio.run(scene())
