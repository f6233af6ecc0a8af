"""The micro-batcher: order, company, bounds, failures, those who left, and the end."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.errors import DeadlineError, NotReadyError, QueueFullError
from app.serving.batching import Batcher
from app.serving.pace import Pace


class Model:
    """Doubles numbers; odd behaviour on request, and it can be held still."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def run(self, items: list[int]) -> list[int | Exception]:
        self.batches.append(items)
        self.threads.add(threading.get_ident())
        self.entered.release()
        self.gate.wait(60)
        if 13 in items:
            raise ArithmeticError("thirteen")
        if 666 in items:
            raise SystemExit
        if 99 in items:
            return [0]
        return [ValueError(f"negative {n}") if n < 0 else 2 * n for n in items]


Body = Callable[[Model, "Batcher[int, int]"], Coroutine[Any, Any, None]]


def play(body: Body, *, max_batch: int = 4, max_wait_s: float = 0.0, capacity: int = 8) -> Model:
    """Run a scene with a model and a batcher; the batcher is drained at its end."""

    async def scene() -> Model:
        model = Model()
        batcher = Batcher[int, int](model.run, max_batch, max_wait_s, capacity)
        try:
            await asyncio.wait_for(body(model, batcher), 60)
        finally:
            model.gate.set()
            await batcher.drain()
        return model

    return asyncio.run(scene())


async def hold(model: Model, batcher: "Batcher[int, int]") -> "asyncio.Task[int]":
    """Keep the model busy with one item until its gate opens."""
    model.gate.clear()
    first = asyncio.create_task(batcher.submit(0))
    await asyncio.to_thread(model.entered.acquire)
    return first


async def queued(batcher: "Batcher[int, int]", *items: int) -> "list[asyncio.Task[int]]":
    tasks = [asyncio.create_task(batcher.submit(item)) for item in items]
    await asyncio.sleep(0)
    assert batcher.waiting == len(items)
    return tasks


def test_one_item_on_an_idle_model_starts_alone_whatever_the_wait() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        assert await batcher.submit(3) == 6
        assert await batcher.submit(4) == 8

    assert play(body, max_wait_s=3600).batches == [[3], [4]]


def test_items_that_met_a_busy_model_go_together_in_order() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        rest = await queued(batcher, 1, 2, 3, 4, 5)
        model.gate.set()
        assert await asyncio.gather(first, *rest) == [0, 2, 4, 6, 8, 10]

    model = play(body)
    assert model.batches == [[0], [1, 2, 3, 4], [5]]
    assert len(model.threads) == 1


def test_after_a_busy_time_a_lonely_item_waits_for_company() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        (second,) = await queued(batcher, 1)
        model.gate.set()
        await first
        assert not second.done()
        rest = [asyncio.create_task(batcher.submit(item)) for item in (2, 3, 4)]
        assert await asyncio.gather(second, *rest) == [2, 4, 6, 8]

    assert play(body, max_wait_s=3600).batches == [[0], [1, 2, 3, 4]]


def test_without_room_an_item_is_refused_at_once_and_the_others_are_not_harmed() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        rest = await queued(batcher, 1, 2)
        with pytest.raises(QueueFullError, match="2 images are waiting: expected fewer than 2"):
            await batcher.submit(3)
        model.gate.set()
        assert await asyncio.gather(first, *rest) == [0, 2, 4]

    assert play(body, capacity=2).batches == [[0], [1, 2]]


def test_what_an_idle_model_is_about_to_take_needs_no_room() -> None:
    async def body(_model: Model, batcher: Batcher[int, int]) -> None:
        tasks = [asyncio.create_task(batcher.submit(item)) for item in (1, 2, 3, 4)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert outcomes[:3] == [2, 4, 6]
        assert isinstance(outcomes[3], QueueFullError)

    assert play(body, max_batch=2, capacity=1).batches == [[1, 2], [3]]


def test_who_left_is_not_computed_and_makes_room() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        leaving, staying = await queued(batcher, 1, 2)
        leaving.cancel()
        await asyncio.sleep(0)
        assert batcher.waiting == 1
        third = asyncio.create_task(batcher.submit(3))
        await asyncio.sleep(0)
        model.gate.set()
        assert await asyncio.gather(first, staying, third) == [0, 4, 6]

    assert play(body, capacity=2).batches == [[0], [2, 3]]


def test_whose_deadline_passed_is_told_and_not_computed() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        now = asyncio.get_running_loop().time()
        late = asyncio.create_task(batcher.submit(1, deadline=now + 0.01))
        timely = asyncio.create_task(batcher.submit(2, deadline=now + 3600))
        await asyncio.sleep(0.05)
        model.gate.set()
        with pytest.raises(DeadlineError, match=r"waited \d+\.\d s for the model"):
            await late
        assert await asyncio.gather(first, timely) == [0, 4]

    assert play(body).batches == [[0], [2]]


def test_who_is_refused_is_told_how_long_the_queue_will_take() -> None:
    async def scene() -> None:
        pace = Pace()
        model = Model()
        batcher = Batcher[int, int](model.run, 1, 0.0, 2, pace)
        pace.record(1, 30.0)
        first = await hold(model, batcher)
        rest = await queued(batcher, 1, 2)
        with pytest.raises(QueueFullError) as refused:
            await batcher.submit(3)
        assert refused.value.retry_after_s == 60
        model.gate.set()
        await asyncio.gather(first, *rest)
        assert pace.seconds_for(1) < 20  # three quick ones have been measured since
        await batcher.drain()

    asyncio.run(scene())


def test_who_leaves_while_being_computed_harms_nobody() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        first.cancel()
        rest = await queued(batcher, 1)
        model.gate.set()
        assert await asyncio.gather(*rest) == [2]

    assert play(body).batches == [[0], [1]]


def test_each_failure_reaches_its_own_caller() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        rest = await queued(batcher, 1, -2, 3)
        model.gate.set()
        one, failed, three = await asyncio.gather(*rest, return_exceptions=True)
        assert (await first, one, three) == (0, 2, 6)
        assert isinstance(failed, ValueError)
        assert str(failed) == "negative -2"

    play(body)


@pytest.mark.parametrize(
    ("poison", "kind", "words"),
    [(13, ArithmeticError, "thirteen"), (99, RuntimeError, "1 results for 2 items")],
)
def test_a_run_that_breaks_fails_its_whole_batch_and_only_that(
    poison: int, kind: type[Exception], words: str
) -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        rest = await queued(batcher, 1, poison)
        model.gate.set()
        outcomes = await asyncio.gather(*rest, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [kind, kind]
        assert {str(outcome) for outcome in outcomes} == {words}
        assert await first == 0
        assert await batcher.submit(5) == 10

    play(body)


def test_drain_finishes_what_was_accepted_and_takes_nothing_more() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        rest = await queued(batcher, 1, 2)
        draining = asyncio.create_task(batcher.drain())
        await asyncio.sleep(0)
        with pytest.raises(NotReadyError, match="shutting down"):
            await batcher.submit(3)
        assert not draining.done()
        model.gate.set()
        assert await asyncio.gather(first, *rest) == [0, 2, 4]
        await draining

    assert play(body).batches == [[0], [1, 2]]


def test_the_death_of_the_thread_is_its_batch_s_and_the_next_is_computed() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        first = await hold(model, batcher)
        dying = await queued(batcher, 666, 1)
        model.gate.set()
        outcomes = await asyncio.gather(first, *dying, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [int, NotReadyError, NotReadyError]
        assert batcher.worker.deaths == 1
        assert await batcher.submit(4) == 8

    assert play(body).batches == [[0], [666, 1], [4]]


def test_the_abandoned_are_told_at_once_and_nobody_comes_after() -> None:
    async def body(model: Model, batcher: Batcher[int, int]) -> None:
        computing = await hold(model, batcher)
        (waiting,) = await queued(batcher, 1)
        batcher.abandon(NotReadyError("hangs"))
        for task in (computing, waiting):
            with pytest.raises(NotReadyError, match="hangs"):
                await task
        with pytest.raises(NotReadyError, match="shutting down"):
            await batcher.submit(2)

    play(body)
