"""The inspection log: all rows in order, losses counted, and nothing that goes wrong ends it."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import FieldError
from app.inspection_log import InspectionLog
from app.store import engine
from app.store.errors import StoreUnavailableError
from app.store.query import InspectionQuery
from app.store.records import InspectionRecord
from app.store.store import Store
from tests.waiting import wait_for

PATIENCE_S = 60


def record(number: int) -> InspectionRecord:
    return InspectionRecord(
        time=datetime(2025, 1, 1, tzinfo=UTC),
        request_id=str(number),
        part_id=None,
        station=None,
        category="nut",
        method="sdp",
        score=0.5,
        threshold=None,
        p_value=None,
        is_anomalous=None,
        fingerprint="f",
        image_sha256="0",
    )


class Disk:
    """Keeps what it is given but for rows `refused`; stands still while `gate` is cleared, does
    not answer so many times.
    """

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.lost = 0
        self.failures = 0.0
        self.refused: set[int] = set()
        self.tries = 0
        self.prunes = 0
        self.prune_fails = False
        self.too_old = 0  # chunks of it
        self.pruning = threading.Semaphore(0)
        self.prune_gate = threading.Event()
        self.prune_gate.set()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def write(self, rows: Sequence[InspectionRecord]) -> None:
        self.tries += 1
        self.entered.release()
        self.gate.wait(PATIENCE_S)
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("the fake disk is full")
        if any(int(row.request_id) in self.refused for row in rows):
            raise FieldError("the fake disk refuses this")
        self.writes.append([row.request_id for row in rows])

    def prune(self) -> bool:
        self.prunes += 1
        self.pruning.release()
        self.prune_gate.wait(PATIENCE_S)
        if self.prune_fails:
            raise OSError("the fake disk is locked")
        if self.too_old:
            self.too_old -= 1
            self.writes.append([])
        return self.too_old > 0

    def dropped(self, rows: int) -> None:
        self.lost += rows

    @property
    def rows(self) -> list[int]:
        return [int(row) for write in self.writes for row in write]


@pytest.fixture
def disk() -> Disk:
    return Disk()


Open = Callable[..., InspectionLog]


@pytest.fixture
def open_log(disk: Disk) -> Iterator[Open]:
    logs: list[InspectionLog] = []

    def start(**options: Any) -> InspectionLog:
        options = {"pause_s": 0.001, "again_s": [0.001], "dropped": disk.dropped} | options
        logs.append(InspectionLog(disk.write, disk.prune, **options))
        return logs[-1]

    yield start
    disk.gate.set()
    disk.prune_gate.set()
    for log in logs:
        log.close(PATIENCE_S)


def put(log: InspectionLog, *numbers: int) -> None:
    for number in numbers:
        log.put(record(number))


def hold(log: InspectionLog, disk: Disk) -> None:
    """Let the log's thread stand in a write of record 0."""
    disk.gate.clear()
    put(log, 0)
    assert disk.entered.acquire(timeout=PATIENCE_S)


def test_all_rows_are_written_in_order(open_log: Open, disk: Disk) -> None:
    log = open_log(batch=7)
    put(log, *range(100))
    assert log.flush(PATIENCE_S)
    assert disk.rows == list(range(100))
    assert disk.lost == 0


def test_rows_that_come_during_a_write_go_together(open_log: Open, disk: Disk) -> None:
    log = open_log(batch=3)
    hold(log, disk)
    put(log, *range(1, 6))
    disk.gate.set()
    assert log.flush(PATIENCE_S)
    assert disk.writes == [["0"], ["1", "2", "3"], ["4", "5"]]


def test_a_first_row_waits_for_company_until_a_batch_is_full(open_log: Open, disk: Disk) -> None:
    log = open_log(batch=3, pause_s=PATIENCE_S)
    put(log, 0, 1, 2)
    assert log.flush(PATIENCE_S / 2)
    assert disk.writes == [["0", "1", "2"]]


def test_many_threads_may_put(open_log: Open, disk: Disk) -> None:
    log = open_log(batch=10)
    threads = [
        threading.Thread(target=put, args=(log, *range(start, start + 200)))
        for start in range(0, 800, 200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.flush(PATIENCE_S)
    assert sorted(disk.rows) == list(range(800))


def test_without_room_rows_are_dropped_and_counted_but_never_waited_for(
    open_log: Open, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    log = open_log(capacity=2)
    hold(log, disk)
    begin = time.monotonic()
    put(log, *range(1, 6))
    assert time.monotonic() - begin < PATIENCE_S / 2
    assert disk.lost == 3
    disk.gate.set()
    assert log.flush(PATIENCE_S)
    assert disk.rows == [0, 1, 2]
    assert len([entry for entry in caplog.records if "no room" in entry.message]) == 1


def test_what_cannot_be_written_is_tried_again_until_it_can(
    open_log: Open, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.failures = 50
    log = open_log(batch=2)
    put(log, *range(5))
    assert log.flush(PATIENCE_S)
    assert (disk.rows, disk.lost) == (list(range(5)), 0)
    assert disk.tries > 50
    (entry,) = caplog.records
    assert (entry.name, entry.levelno) == ("app.inspection_log", logging.ERROR)
    assert entry.exc_info is not None


def test_the_pauses_between_tries_grow_up_to_the_last(open_log: Open, disk: Disk) -> None:
    disk.failures = float("inf")
    open_log(again_s=[0.001, PATIENCE_S]).put(record(0))
    wait_for(lambda: disk.tries == 2)
    time.sleep(0.05)
    assert disk.tries == 2


def test_while_nothing_can_be_written_rows_wait_as_long_as_there_is_room(
    open_log: Open, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.failures = float("inf")
    log = open_log(capacity=10, batch=1)
    put(log, 0)
    wait_for(lambda: disk.tries > 3)
    begin = time.monotonic()
    put(log, *range(1, 14))
    assert time.monotonic() - begin < PATIENCE_S / 2
    assert disk.lost == 3  # the newest
    assert "no room" in caplog.text
    disk.failures = 0
    assert log.flush(PATIENCE_S)
    assert (disk.rows, disk.lost) == (list(range(11)), 3)


def test_a_refused_row_is_lost_alone(
    open_log: Open, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.refused = {3, 4, 9}
    log = open_log(batch=7)
    hold(log, disk)
    put(log, *range(1, 15))
    disk.failures = 2
    disk.gate.set()
    assert log.flush(PATIENCE_S)
    assert disk.rows == [row for row in range(15) if row not in disk.refused]
    assert disk.lost == 3
    (entry,) = [entry for entry in caplog.records if entry.levelno == logging.WARNING]
    assert "refused" in entry.message
    assert entry.exc_info is not None


def test_a_locked_database_loses_no_row_and_a_row_that_fits_none_is_lost_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Disk
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.01)
    file = tmp_path / "store.db"
    store = Store(f"sqlite:///{file}")
    tries: list[int] = []

    def write(rows: Sequence[InspectionRecord]) -> None:
        tries.append(len(rows))
        store.log(rows)

    log = InspectionLog(write, disk.prune, dropped=disk.dropped, again_s=[0.01])
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for row in (record(0), replace(record(1), part_id="\ud800"), record(2)):
        log.put(row)
    wait_for(lambda: len(tries) > 3)
    other.execute("ROLLBACK")
    assert log.flush(PATIENCE_S)
    kept = [row.request_id for _, row in store.inspections(InspectionQuery())]
    assert (kept, disk.lost) == (["2", "0"], 1)
    log.close(PATIENCE_S)
    other.close()
    store.close()


def test_a_flush_ends_when_its_time_is_over(open_log: Open, disk: Disk) -> None:
    log = open_log()
    hold(log, disk)
    assert not log.flush(0.01)
    disk.gate.set()
    assert log.flush(PATIENCE_S)


def test_a_flush_with_nothing_put_returns_at_once(open_log: Open) -> None:
    assert open_log().flush(0)


def test_the_close_writes_what_is_left(open_log: Open, disk: Disk) -> None:
    log = open_log(batch=2, pause_s=PATIENCE_S)
    put(log, *range(9))
    log.close(PATIENCE_S)
    assert (disk.rows, disk.lost) == (list(range(9)), 0)
    log.close(0)


def test_after_the_close_rows_are_dropped(open_log: Open, disk: Disk) -> None:
    log = open_log()
    log.close(PATIENCE_S)
    put(log, 0)
    assert (disk.rows, disk.lost) == ([], 1)
    assert log.flush(0)


def test_what_the_close_has_no_time_for_is_counted_once(
    open_log: Open, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    log = open_log(batch=2)
    hold(log, disk)
    put(log, 1, 2, 3)
    log.close(0.01)
    assert disk.lost == 4
    assert "4 inspections" in caplog.text
    disk.gate.set()
    log.close(PATIENCE_S)
    assert (disk.rows, disk.lost) == ([0], 4)


def test_the_close_tries_once_more_without_a_pause(open_log: Open, disk: Disk) -> None:
    disk.failures = 1
    log = open_log(again_s=[PATIENCE_S], batch=1)
    put(log, *range(3))
    wait_for(lambda: disk.failures == 0)
    log.close(PATIENCE_S / 2)
    assert (disk.rows, disk.lost) == ([0, 1, 2], 0)


def test_a_try_from_before_the_close_is_not_the_last(open_log: Open, disk: Disk) -> None:
    log = open_log(again_s=[PATIENCE_S])
    hold(log, disk)
    disk.failures = 1
    closing = threading.Thread(target=log.close, args=(PATIENCE_S,))
    closing.start()
    wait_for(lambda: log._closing)
    disk.gate.set()
    closing.join()
    assert (disk.rows, disk.tries, disk.lost) == ([0], 2, 0)


def test_the_close_does_not_wait_for_what_cannot_be_written(
    open_log: Open, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.failures = float("inf")
    log = open_log(again_s=[PATIENCE_S], batch=1)
    put(log, *range(3))
    wait_for(lambda: disk.tries == 1)
    begin = time.monotonic()
    log.close(PATIENCE_S)
    assert time.monotonic() - begin < PATIENCE_S / 2
    assert (disk.tries, disk.lost) == (2, 3)
    assert "3 inspections could not be logged" in caplog.text
    assert log.flush(0)


def test_what_the_close_counted_is_not_tried_again(open_log: Open, disk: Disk) -> None:
    log = open_log(batch=1)
    hold(log, disk)
    disk.failures = 1
    log.close(0.01)
    disk.gate.set()
    log.close(PATIENCE_S)
    assert (disk.writes, disk.tries, disk.lost) == ([], 1, 1)


def test_pruning_at_the_start_and_then_in_intervals(open_log: Open, disk: Disk) -> None:
    log = open_log(prune_every_s=3600)
    put(log, 0)
    assert log.flush(PATIENCE_S)
    assert disk.prunes == 1
    open_log(prune_every_s=0.001)
    wait_for(lambda: disk.prunes > 3)


def test_all_that_is_too_old_goes_in_one_turn(open_log: Open, disk: Disk) -> None:
    disk.too_old = 7
    open_log(prune_every_s=3600)
    wait_for(lambda: disk.too_old == 0)
    time.sleep(0.05)
    assert disk.prunes == 7


def test_rows_that_wait_are_written_between_two_prunes(open_log: Open, disk: Disk) -> None:
    disk.too_old = 3
    disk.prune_gate.clear()
    log = open_log(batch=2, prune_every_s=3600)
    assert disk.pruning.acquire(timeout=PATIENCE_S)
    put(log, *range(5))
    disk.prune_gate.set()
    assert log.flush(PATIENCE_S)
    wait_for(lambda: disk.too_old == 0)
    # [] is a prune.
    assert disk.writes == [[], ["0", "1"], ["2", "3"], ["4"], [], []]


def test_pruning_goes_on_where_rows_come_without_a_pause(open_log: Open, disk: Disk) -> None:
    disk.too_old = 5
    log = open_log(batch=1, prune_every_s=3600)
    end = time.monotonic() + PATIENCE_S
    while disk.too_old:
        put(log, 0)  # the log never finds its queue empty for long
        assert time.monotonic() < end
    assert log.flush(PATIENCE_S)


def test_the_close_ends_pruning_and_writes_what_is_left(open_log: Open, disk: Disk) -> None:
    disk.too_old = 1000
    disk.prune_gate.clear()
    log = open_log(batch=2)
    assert disk.pruning.acquire(timeout=PATIENCE_S)
    put(log, *range(5))
    closing = threading.Thread(target=log.close, args=(PATIENCE_S,))
    closing.start()
    wait_for(lambda: log._closing)
    disk.prune_gate.set()
    closing.join()
    assert (disk.rows, disk.lost, disk.prunes) == (list(range(5)), 0, 1)


def test_pruning_that_fails_is_only_logged(
    open_log: Open, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.prune_fails = True
    log = open_log()
    put(log, 0)
    assert log.flush(PATIENCE_S)
    assert disk.rows == [0]
    assert "could not be removed" in caplog.text


def test_a_forgotten_log_does_not_hold_up_the_process(open_log: Open) -> None:
    open_log()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "inspection-log"]
    assert thread.daemon
