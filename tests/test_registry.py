"""Categories as predictions meet them: how fresh they are, and what they rest on in an outage."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import registry as registry_module
from app.categories import Category, parse_category
from app.errors import FieldError, NotReadyError, UnknownCategoryError
from app.registry import Registry
from app.standing import Standing, record_of
from app.store.records import CategoryRecord, SampleRecord
from app.store.store import Store
from app.store.threads import Threads
from tests.store.examples import put, sample

PATIENCE_S = 60.0
NUT, BOLT = parse_category("nut"), parse_category("bolt")


class Clock:
    """A time that stands still until told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class MoodyStore(Store):
    """A real one whose look-ups fail, or hang with what they found, when told."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.look_ups: list[str] = []
        self.error: Exception | None = None
        self.held: list[threading.Event] = []  # one for each look-up to come
        self.hanging = threading.Semaphore(0)

    def state(self, key: str) -> tuple[CategoryRecord | None, list[SampleRecord]]:
        self.look_ups.append(key)
        found = super().state(key)
        if self.held:
            event = self.held.pop(0)
            self.hanging.release()
            event.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def store(url: str) -> Iterator[MoodyStore]:
    made = MoodyStore(url)
    yield made
    made.close()


@pytest.fixture
def other(url: str, store: MoodyStore) -> Iterator[Store]:
    """The same database as another process has it."""
    made = Store(url)
    yield made
    made.close()


@pytest.fixture
def gate(store: MoodyStore) -> Iterator[threading.Event]:
    """Opened at the end at the latest."""
    made = threading.Event()
    yield made
    made.set()


Open = Callable[..., Registry]


@pytest.fixture
def open_registry(store: MoodyStore, clock: Clock, gate: threading.Event) -> Iterator[Open]:
    pools = [Threads(2, "look-up"), Threads(1, "store")]

    def start(**options: Any) -> Registry:
        options = {"clock": clock, "patience_s": PATIENCE_S} | options
        return Registry(store, *pools, ("sdp",), "model", **options)

    yield start
    gate.set()
    for pool in pools:
        assert pool.close(PATIENCE_S)


@pytest.fixture
def registry(open_registry: Open) -> Registry:
    return open_registry()


def with_alpha(alpha: float) -> Callable[[Category], Category]:
    return lambda category: replace(category, alpha=alpha)


def alpha_of(standing: Standing) -> float | None:
    """Of a registered category; None of another."""
    return standing.category.alpha if standing.registered else None


def write(other: Store, alpha: float, category: Category = NUT) -> None:
    put(other, record_of(replace(category, alpha=alpha)))


async def begun(store: MoodyStore) -> None:
    """Once a look-up hangs."""
    assert await asyncio.to_thread(store.hanging.acquire, timeout=PATIENCE_S)


def test_what_another_process_wrote_is_seen_after_a_moment(
    registry: Registry, other: Store, clock: Clock
) -> None:
    async def check() -> None:
        assert alpha_of(await registry.find(NUT)) is None
        write(other, 0.2)
        clock.now += 0.49
        assert alpha_of(await registry.find(NUT)) is None
        clock.now += 0.02
        assert alpha_of(await registry.find(NUT)) == 0.2
        other.delete_category("nut")
        assert alpha_of(await registry.find(NUT)) == 0.2
        clock.now += 0.51
        assert alpha_of(await registry.find(NUT)) is None

    asyncio.run(check())


def test_what_this_process_wrote_is_seen_at_once(registry: Registry) -> None:
    async def check() -> None:
        assert alpha_of(await registry.find(NUT)) is None
        assert alpha_of(await registry.change(NUT, with_alpha(0.2))) == 0.2
        assert alpha_of(await registry.find(NUT)) == 0.2
        added = await registry.add(NUT, [sample("one")], registered=True)
        assert (alpha_of(added), added.methods["sdp"].outdated) == (0.2, 1)
        imported = replace(NUT, alpha=0.3)
        assert alpha_of(await registry.replace(imported, [sample("two")])) == 0.3
        assert alpha_of(await registry.find(NUT)) == 0.3
        assert await registry.delete("nut")
        assert alpha_of(await registry.find(NUT)) is None
        assert not await registry.delete("nut")
        assert alpha_of(await registry.add(NUT, [sample("one")], registered=False)) == NUT.alpha

    asyncio.run(check())


def test_what_was_read_before_a_write_does_not_hide_it(
    registry: Registry, store: MoodyStore, gate: threading.Event
) -> None:
    async def check() -> None:
        store.held = [gate]
        before = asyncio.create_task(registry.find(NUT))
        await begun(store)
        assert alpha_of(await registry.change(NUT, with_alpha(0.2))) == 0.2
        gate.set()
        assert alpha_of(await before) is None
        assert alpha_of(await registry.find(NUT)) == 0.2
        assert store.look_ups == ["nut"] * 2

    asyncio.run(check())


def test_who_asks_at_the_same_time_shares_one_look_up(
    registry: Registry, store: MoodyStore
) -> None:
    async def check() -> None:
        await asyncio.gather(*(registry.find(NUT) for _ in range(20)))
        assert store.look_ups == ["nut"]

    asyncio.run(check())


def test_who_leaves_does_not_take_the_answer_along(
    registry: Registry, store: MoodyStore, gate: threading.Event
) -> None:
    async def check() -> None:
        store.held = [gate]
        first, second = (asyncio.create_task(registry.find(NUT)) for _ in range(2))
        await begun(store)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        gate.set()
        assert alpha_of(await second) is None

    asyncio.run(check())


def test_a_change_is_made_of_what_is_registered_now(
    registry: Registry, other: Store, clock: Clock
) -> None:
    async def check() -> None:
        await registry.find(NUT)
        write(other, 0.2)  # this process does not know yet
        seen: list[Category] = []

        def rename(category: Category) -> Category:
            seen.append(category)
            return replace(category, id="NUT")

        standing = await registry.change(NUT, rename)
        assert seen == [replace(NUT, alpha=0.2)]
        assert (standing.category.id, alpha_of(standing)) == ("NUT", 0.2)
        await registry.change(BOLT, rename)
        assert seen[1:] == [BOLT]

    asyncio.run(check())


def test_a_change_that_fails_changes_nothing(registry: Registry) -> None:
    def fail(_category: Category) -> Category:
        raise FieldError("alpha: no")

    async def check() -> None:
        with pytest.raises(FieldError, match="alpha: no"):
            await registry.change(NUT, fail)
        assert alpha_of(await registry.find(NUT)) is None

    asyncio.run(check())


def test_a_calibration_does_not_bring_a_deleted_category_back(
    registry: Registry, other: Store
) -> None:
    async def check() -> None:
        await registry.change(NUT, with_alpha(0.2))
        found = await registry.find(NUT)
        other.delete_category("nut")
        with pytest.raises(UnknownCategoryError):
            await registry.add(found.category, [sample("one")], registered=found.registered)
        assert other.state("nut") == (None, [])

    asyncio.run(check())


def test_what_has_been_kept_is_told_without_a_second_look(
    registry: Registry, store: MoodyStore
) -> None:
    async def check() -> None:
        store.error = NotReadyError("gone after the commit")
        found = await registry.add(NUT, [sample("one"), sample("two")], registered=False)
        assert found.registered
        assert found.methods["sdp"].calibration.n + found.methods["sdp"].outdated == 2

    asyncio.run(check())
    assert store.look_ups == []


def test_the_list_is_read_anew(registry: Registry, other: Store) -> None:
    async def check() -> None:
        assert alpha_of(await registry.find(NUT)) is None
        write(other, 0.2)
        write(other, 0.1, BOLT)
        listed = await registry.listed()
        assert [(found.category.id, alpha_of(found)) for found in listed] == [
            ("bolt", 0.1),
            ("nut", 0.2),
        ]

    asyncio.run(check())


def test_while_the_store_fails_what_was_read_stands_for_a_while(
    registry: Registry,
    store: MoodyStore,
    other: Store,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def check() -> None:
        write(other, 0.2)
        await registry.find(NUT)
        store.error = NotReadyError("gone")
        for _ in range(3):
            clock.now += 2.0
            assert alpha_of(await registry.find(NUT)) == 0.2
        assert store.look_ups == ["nut"] * 4
        clock.now += 54.1
        with pytest.raises(NotReadyError, match="gone"):
            await registry.find(NUT)
        store.error = None
        clock.now += 0.5
        assert alpha_of(await registry.find(NUT)) == 0.2

    with caplog.at_level(logging.WARNING, "app.registry"):
        asyncio.run(check())
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "category 'nut': as read 2.0 s ago: gone"


def test_while_the_store_hangs_what_was_read_stands_and_is_replaced_when_it_answers(
    open_registry: Open, store: MoodyStore, other: Store, clock: Clock, gate: threading.Event
) -> None:
    registry = open_registry(patience_s=0.5)

    async def check() -> None:
        write(other, 0.2)
        await registry.find(NUT)
        write(other, 0.3)
        store.held = [gate]
        clock.now += 1.0
        begin = time.monotonic()
        assert alpha_of(await registry.find(NUT)) == 0.2
        assert 0.45 < time.monotonic() - begin < PATIENCE_S / 2
        gate.set()
        while alpha_of(await registry.find(NUT)) != 0.3:
            assert time.monotonic() - begin < PATIENCE_S / 2
        assert store.look_ups == ["nut"] * 2

    asyncio.run(check())


def test_only_the_first_waits_for_a_store_that_hangs(
    open_registry: Open, store: MoodyStore, other: Store, clock: Clock, gate: threading.Event
) -> None:
    registry = open_registry(stale_s=10 * PATIENCE_S)

    async def check() -> None:
        write(other, 0.2)
        await registry.find(NUT)
        store.held = [gate]
        clock.now += 1.0
        first = asyncio.create_task(registry.find(NUT))
        await begun(store)
        clock.now += PATIENCE_S / 2
        second = asyncio.create_task(registry.find(NUT))
        await asyncio.sleep(0.05)
        assert not second.done()
        clock.now += PATIENCE_S / 2
        begin = time.monotonic()
        assert alpha_of(await registry.find(NUT)) == 0.2
        assert time.monotonic() - begin < PATIENCE_S / 4
        assert not first.done()
        gate.set()
        assert [alpha_of(await task) for task in (first, second)] == [0.2, 0.2]

    asyncio.run(check())


def test_a_store_that_hangs_is_waited_for_where_nothing_recent_is_known(
    open_registry: Open, store: MoodyStore, other: Store, clock: Clock, gate: threading.Event
) -> None:
    registry = open_registry(patience_s=0.01)

    async def check() -> None:
        write(other, 0.2)
        for known_for_s in (0.0, 60.1):
            clock.now += known_for_s
            held = threading.Event()
            store.held = [held]
            asking = asyncio.create_task(registry.find(NUT))
            await begun(store)
            await asyncio.sleep(0.1)
            assert not asking.done()
            held.set()
            assert alpha_of(await asking) == 0.2

    asyncio.run(check())


def test_a_failure_is_believed_for_a_moment_whoever_asks(
    registry: Registry, store: MoodyStore, other: Store, clock: Clock
) -> None:
    async def check() -> None:
        write(other, 0.2, BOLT)
        await registry.find(BOLT)
        clock.now += 1.0
        store.error = NotReadyError("gone")
        with pytest.raises(NotReadyError):
            await registry.find(NUT)
        store.error = None
        store.look_ups.clear()
        clock.now += 0.49
        with pytest.raises(NotReadyError, match="gone"):
            await registry.find(NUT)
        assert alpha_of(await registry.find(BOLT)) == 0.2
        assert store.look_ups == []
        clock.now += 0.01
        assert alpha_of(await registry.find(NUT)) is None
        assert store.look_ups == ["nut"]

    asyncio.run(check())


def test_a_write_that_succeeds_ends_the_belief_in_a_failure(
    registry: Registry, store: MoodyStore
) -> None:
    async def check() -> None:
        store.error = NotReadyError("gone")
        with pytest.raises(NotReadyError):
            await registry.find(NUT)
        store.error = None
        assert alpha_of(await registry.change(NUT, with_alpha(0.2))) == 0.2
        assert alpha_of(await registry.find(BOLT)) is None

    asyncio.run(check())


def test_a_record_that_cannot_be_read_is_no_outage(registry: Registry, store: MoodyStore) -> None:
    async def check() -> None:
        store.error = FieldError("roi: odd")
        for _ in range(2):
            with pytest.raises(FieldError, match="roi: odd"):
                await registry.find(NUT)
        store.error = None
        assert alpha_of(await registry.find(BOLT)) is None

    asyncio.run(check())


def test_slow_writers_do_not_hold_look_ups_up(registry: Registry, gate: threading.Event) -> None:
    async def check() -> None:
        writing = [
            asyncio.create_task(registry.run(lambda: gate.wait(PATIENCE_S))) for _ in range(9)
        ]
        await asyncio.sleep(0.05)
        await asyncio.wait_for(registry.find(NUT), PATIENCE_S / 2)
        gate.set()
        assert all(await asyncio.gather(*writing))

    asyncio.run(check())


def test_the_longest_unread_leave(
    registry: Registry, store: MoodyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "_KEPT", 2)

    async def check() -> None:
        for name in ("a", "b", "c", "c", "b", "a", "a"):
            await registry.find(parse_category(name))
        assert store.look_ups == ["a", "b", "c", "a"]
        assert len(registry._read) == 2

    asyncio.run(check())
