"""Several at once on one database: stores, threads and processes, one of them killed."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import FieldError
from app.store import category_store
from app.store.records import CategoryRecord, SampleRecord
from app.store.store import Store
from tests.store import child
from tests.store.examples import category, inspection, put, sample

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 60


def start(url: str, *arguments: str) -> "subprocess.Popen[str]":
    """A child that is ready and waits for `go`."""
    command = [sys.executable, "-W", "error", "-m", "tests.store.child", url, *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write(child.START + "\n")
    process.stdin.flush()


def end(process: "subprocess.Popen[str]") -> int:
    with process:
        process.communicate(timeout=PATIENCE_S)
    return process.returncode


def test_two_stores_on_one_database_see_each_other(store: Store, url: str) -> None:
    other = Store(url)
    store.add_samples(category(), [sample("one")], registered=False)
    other.add_samples(category(), [sample("two")], registered=False)
    assert store.state(category().key) == other.state(category().key)
    assert store.state(category().key) == (category(), [sample("one"), sample("two")])
    other.close()


def test_what_was_kept_is_there_after_a_restart(store: Store, url: str) -> None:
    store.add_samples(category(), [sample("one")], registered=False)
    store.close()
    again = Store(url)
    assert again.state(category().key) == (category(), [sample("one")])
    again.close()


def test_threads_lose_nothing(store: Store) -> None:
    def add(thread: int) -> None:
        for number in range(10):
            store.add_samples(category(), [sample(f"{thread}-{number}")], registered=False)
            store.log([inspection(number)])
            assert len(store.samples(category().key)) > number

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(8)))
    expected = {f"{thread}-{number}" for thread in range(8) for number in range(10)}
    assert {found.id for found in store.samples(category().key)} == expected


def test_a_reader_sees_one_moment(store: Store) -> None:
    """A category is replaced over and over with as many samples as its alpha says."""

    def replace(times: int) -> None:
        for number in range(times):
            count = number % 5
            samples = [sample(f"{number}-{part}") for part in range(count)]
            store.replace_category(category(alpha=float(count)), samples)

    put(store, category(alpha=0.0))
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(replace, 40)
        while not writing.done():
            found, samples = store.state(category().key)
            assert found is not None
            assert found.alpha == len(samples)
            assert all(len(kept.scores) == 2 for kept in samples)
        writing.result()


def test_changes_from_several_stores_lose_nothing(store: Store, url: str) -> None:
    """Each counts one up, the first of them where there is no category yet."""
    others = [Store(url) for _ in range(2)]

    def count(found: CategoryRecord | None) -> CategoryRecord:
        return category(alpha=1.0 if found is None else found.alpha + 1)

    def change(one: Store) -> None:
        for _ in range(10):
            one.change_category(category().key, count)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(change, [store, *others] * 2))
    assert store.categories() == [category(alpha=60.0)]
    for other in others:
        other.close()


@pytest.mark.parametrize("there", [True, False])
def test_a_change_holds_up_whoever_else_writes_the_category(
    store: Store, url: str, there: bool
) -> None:
    if there:
        put(store, category())
    other = Store(url)
    taken_over = [sample("one")]

    with ThreadPoolExecutor(1) as pool:

        def change(_found: CategoryRecord | None) -> CategoryRecord:
            imports.append(pool.submit(other.replace_category, category(alpha=0.2), taken_over))
            with pytest.raises(TimeoutError):
                imports[0].result(timeout=0.2)
            return category(alpha=0.1)

        imports: list[Future[None]] = []
        store.change_category(category().key, change)
        imports[0].result(timeout=PATIENCE_S)
    assert store.state(category().key) == (category(alpha=0.2), taken_over)
    other.close()


def test_no_crowd_gets_past_the_most_samples(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(category_store, "MAX_SAMPLES", 5)
    other = Store(url)

    def add(number: int) -> bool:
        try:
            one = (store, other)[number % 2]
            one.add_samples(category(), [sample(str(number))], registered=False)
        except FieldError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        kept = sum(pool.map(add, range(16)))
    assert kept == len(store.samples(category().key)) == 5
    other.close()


def test_everything_at_once_neither_fails_nor_waits_in_a_circle(store: Store) -> None:
    key = category().key
    actions: list[Callable[[list[SampleRecord]], object]] = [
        lambda added: store.add_samples(category(), added, registered=False),
        lambda added: store.replace_category(category(), added),
        lambda _: store.delete_category(key),
        lambda _: store.clear_samples(key),
        lambda _: [store.delete_sample(key, one.id) for one in store.samples(key)],
        lambda _: put(store, category(alpha=0.5)),
    ]

    def act(thread: int) -> None:
        dice = random.Random(thread)
        for number in range(25):
            dice.choice(actions)([sample(f"{thread}-{number}-{part}") for part in range(3)])
            found, samples = store.state(key)
            assert found is not None or samples == []
            assert all(len(kept.scores) == 2 for kept in samples)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(8)))


@pytest.mark.slow
def test_processes_lose_nothing(store: Store, url: str) -> None:
    children = [start(url, "add", name, "40") for name in ("a", "b")]
    for process in children:
        go(process)
    assert [end(process) for process in children] == [0, 0]
    expected = {f"{name}-{number}" for name in ("a", "b") for number in range(40)}
    assert {found.id for found in store.samples(category().key)} == expected


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(3))
def test_processes_starting_together_on_a_fresh_database_all_succeed(
    url: str, attempt: int
) -> None:
    children = [start(url, "add", f"child{number}", "1") for number in range(3)]
    for process in children:
        go(process)
    assert [end(process) for process in children] == [0, 0, 0]
    store = Store(url)
    assert len(store.samples(category().key)) == 3
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("acknowledged", [1, 17, 60])
def test_a_killed_process_loses_nothing_it_acknowledged(
    sqlite_url: str, tmp_path: Path, acknowledged: int
) -> None:
    process = start(sqlite_url, "stream", "s")
    go(process)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(acknowledged)]
    process.kill()
    # What it had said by then counts too, but not a line it did not finish.
    lines += [line for line in process.communicate()[0].splitlines(True) if line.endswith("\n")]
    promised = [id for line in lines for id in line.split()]
    store = Store(sqlite_url)
    samples = store.samples(category().key)
    store.close()
    ids = [found.id for found in samples]
    assert ids[: len(promised)] == promised
    # At most the one that was kept but not yet said, and whole.
    assert len(ids) - len(promised) in (0, 3)
    assert all(len(found.scores) == 2 for found in samples)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
