"""Text features: one encoding per name, names beside one another, and the limit on new ones."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.clipad.prompts import Wording
from app.errors import ObjectNameError, TooManyNewCategoriesError
from app.vocabulary import Vocabulary
from tests.fakes import FakeDetector


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def vocabulary(
    detector: FakeDetector, pool: ThreadPoolExecutor, per_minute: int = 60
) -> tuple[Vocabulary, Clock]:
    clock = Clock()
    return Vocabulary(detector, pool, per_minute, clock), clock


def test_many_callers_share_one_encoding_and_one_who_leaves_does_not_stop_it() -> None:
    async def scene(pool: ThreadPoolExecutor) -> FakeDetector:
        detector = FakeDetector()
        names, _ = vocabulary(detector, pool)
        detector.texts.clear()
        tasks = [asyncio.create_task(names.features(Wording("slow"))) for _ in range(20)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        detector.texts.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(outcomes[0], asyncio.CancelledError)
        assert [float(found[0, 1]) for found in outcomes[1:]] == [pytest.approx(0.04)] * 19
        return detector

    with ThreadPoolExecutor(1) as pool:
        assert asyncio.run(scene(pool)).encoded == {"slow": 1}


def test_waiting_for_one_name_leaves_threads_for_others() -> None:
    async def scene(pool: ThreadPoolExecutor) -> None:
        detector = FakeDetector()
        detector.texts.clear()
        names, _ = vocabulary(detector, pool)
        waiting = [asyncio.create_task(names.features(Wording("slow"))) for _ in range(50)]
        await asyncio.sleep(0)
        assert (await asyncio.wait_for(names.features(Wording("quick")), 60)).shape == (1, 2)
        assert not any(task.done() for task in waiting)
        detector.texts.set()
        await asyncio.gather(*waiting)

    with ThreadPoolExecutor(2) as pool:
        asyncio.run(scene(pool))


def test_names_in_memory_do_not_wait_where_every_thread_is_busy() -> None:
    async def scene(pool: ThreadPoolExecutor) -> None:
        detector = FakeDetector()
        names, _ = vocabulary(detector, pool)
        await names.features(Wording("known"))
        detector.texts.clear()
        waiting = [asyncio.create_task(names.features(Wording(f"slow {n}"))) for n in range(2)]
        await asyncio.sleep(0)
        assert (await asyncio.wait_for(names.features(Wording("known")), 60)).shape == (1, 2)
        assert not any(task.done() for task in waiting)
        detector.texts.set()
        await asyncio.gather(*waiting)
        assert detector.asked["known"] == 1

    with ThreadPoolExecutor(2) as pool:
        asyncio.run(scene(pool))


def test_new_names_are_limited_per_minute_and_known_ones_are_not() -> None:
    async def scene(pool: ThreadPoolExecutor) -> None:
        names, clock = vocabulary(FakeDetector(), pool, per_minute=2)
        await names.features(Wording("one"))
        clock.now += 20
        await names.features(Wording("two"))
        with pytest.raises(TooManyNewCategoriesError, match="expected at most 2") as refused:
            await names.features(Wording("three"))
        assert refused.value.retry_after_s == pytest.approx(40)
        await names.features(Wording("one"))
        clock.now += 41
        await names.features(Wording("three"))
        with pytest.raises(TooManyNewCategoriesError):
            await names.features(Wording("four"))

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(scene(pool))


def test_a_refused_name_fails_every_caller_and_is_asked_anew() -> None:
    async def scene(pool: ThreadPoolExecutor) -> None:
        names, _ = vocabulary(FakeDetector(), pool)
        for _ in range(2):
            calls = (names.features(Wording("x" * 41)) for _ in range(3))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [ObjectNameError] * 3

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(scene(pool))
