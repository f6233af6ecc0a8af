"""What is remembered of an answered image, for how long, and that the end of it has a bound."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from app import ledger as ledger_module
from app.categories import Category, parse_category
from app.drift import Drift
from app.finding import Finding
from app.inspection import Inspection, Source
from app.ledger import Ledger, Retention
from app.settings import Settings
from app.standing import Standing, standing_of
from app.store.query import InspectionQuery
from app.store.records import InspectionRecord, SampleRecord, SampleScore
from app.store.store import Store
from tests.store.examples import NOON, inspection
from tests.waiting import wait_for

PATIENCE_S = 60.0
NUT = replace(parse_category("nut"), alpha=0.5)
METHODS = ("sdp", "sdp_plus")
FOREVER = Retention(days=0, rows=1_000_000)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def gauges() -> CollectorRegistry:
    return CollectorRegistry()


Open = Callable[..., Ledger]


@pytest.fixture
def open_ledger(url: str, gauges: CollectorRegistry) -> Iterator[Open]:
    opened: list[Ledger] = []

    def start(retention: Retention = FOREVER, **lost: Any) -> Ledger:
        drift = Drift(gauges if not opened else CollectorRegistry())
        dropped: list[int] = lost.get("lost", [])
        opened.append(Ledger(Store(url), drift, METHODS, "model", retention, dropped.append))
        return opened[-1]

    yield start
    for ledger in opened:
        ledger.close()


def standing(
    *scores: float, category: Category = NUT, model: str = "model", plus: bool = True
) -> Standing:
    """Of a category calibrated with these scores by both methods, or by sdp alone."""
    said = METHODS if plus else METHODS[:1]
    fingerprint = category.fingerprint(model)
    samples = [
        SampleRecord(
            str(number),
            NOON,
            str(number),
            None,
            tuple(SampleScore(method, fingerprint, score, score, 0.0) for method in said),
        )
        for number, score in enumerate(scores)
    ]
    return standing_of(category, samples, registered=True, methods=METHODS, model=model)


def record(ledger: Ledger, found: Standing, score: float, method: str = "sdp") -> None:
    """As a route does after an image was answered."""
    calibration = found.calibration(method)
    ledger.record(
        found,
        Inspection(
            finding=Finding(score, 0.0, score, np.zeros((2, 2), np.float32), 0.0),
            decision=calibration.decide(score) if calibration else None,
            regions=[],
            rendering=None,
            seconds={},
            source=Source("0" * 64, "PNG", 2, 2, first_of_several=False),
        ),
        request_id="r",
        category="Nut",
        method=method,
        part_id="p",
        station=None,
    )


def lines(ledger: Ledger) -> list[InspectionRecord]:
    """Of the log, newest first, once all is written."""
    assert ledger.log.flush(PATIENCE_S)
    return [line for _, line in ledger.store.inspections(InspectionQuery())]


def gauge(gauges: CollectorRegistry, name: str, method: str = "sdp") -> float | None:
    return gauges.get_sample_value(f"clipad_{name}", {"category": "nut", "method": method})


def test_a_line_has_the_threshold_it_was_decided_against(open_ledger: Open) -> None:
    ledger = open_ledger()
    record(ledger, standing(0.25, 0.375, 0.625), 0.5)
    record(ledger, standing(0.25, 0.375, 0.625, category=replace(NUT, alpha=0.25)), 0.5)
    record(ledger, standing(0.25), 0.5)
    found = [(line.threshold, line.is_anomalous, line.p_value) for line in lines(ledger)[::-1]]
    assert found == [(0.375, True, 0.5), (0.625, False, 0.5), (0.25, True, 0.5)]
    record(ledger, standing(), 0.5)
    undecided = lines(ledger)[0]
    assert (undecided.threshold, undecided.is_anomalous, undecided.p_value) == (None, None, None)
    assert (undecided.score, undecided.category, undecided.part_id) == (0.5, "Nut", "p")
    assert (undecided.image_sha256, undecided.fingerprint) == ("0" * 64, standing().fingerprint)


def test_a_window_goes_on_while_the_same_decides(
    open_ledger: Open, gauges: CollectorRegistry
) -> None:
    ledger = open_ledger()
    for score in (0.1, 0.5, 0.7, 0.3):
        record(ledger, standing(0.25, 0.375, 0.625), score)  # each read from the store anew
    assert gauge(gauges, "drift_inspections") == 4
    assert gauge(gauges, "alarm_share") == 0.5
    assert gauge(gauges, "expected_alarm_share") == 2 / 4
    assert gauge(gauges, "calibration_score_median") == 0.375


@pytest.mark.parametrize(
    "after",
    [
        standing(0.25, 0.375, 0.625, category=replace(NUT, alpha=0.25)),
        standing(0.25, 0.375, 0.375, 0.625),
        standing(0.25, 0.5, 0.625),
        standing(0.25, 0.375, 0.625, model="another"),
    ],
    ids=["alpha", "one more", "others", "model"],
)
def test_a_window_begins_anew_when_something_else_decides(
    open_ledger: Open, gauges: CollectorRegistry, after: Standing
) -> None:
    ledger = open_ledger()
    for _ in range(3):
        record(ledger, standing(0.25, 0.375, 0.625), 0.9)
    record(ledger, after, 0.9)
    assert gauge(gauges, "drift_inspections") == 1


def test_where_nothing_decides_any_more_the_window_goes(
    open_ledger: Open, gauges: CollectorRegistry
) -> None:
    ledger = open_ledger()
    for method in METHODS:
        record(ledger, standing(0.25, 0.375, 0.625), 0.9, method)
    record(ledger, standing(0.25, 0.375, 0.625, plus=False), 0.9, "sdp_plus")
    assert gauge(gauges, "drift_inspections", "sdp_plus") is None
    assert gauge(gauges, "drift_inspections", "sdp") == 1
    record(ledger, standing(), 0.9)
    assert gauge(gauges, "drift_inspections", "sdp") is None
    assert gauge(gauges, "expected_alarm_share", "sdp") is None


def test_the_log_is_kept_by_count_and_by_age(url: str, open_ledger: Open) -> None:
    store = Store(url)
    now = datetime.now(UTC)
    store.log([inspection(days, time=now - timedelta(days=days)) for days in (9, 5, 4, 3, 1)])
    store.close()

    def left(retention: Retention, count: int) -> list[str]:
        ledger = open_ledger(retention)
        wait_for(lambda: len(lines(ledger)) <= count)
        return [line.request_id for line in lines(ledger)]

    assert left(Retention(days=36_500, rows=4), 4) == [f"request-{n}" for n in (1, 3, 4, 5)]
    assert left(Retention(days=3.5, rows=4), 2) == ["request-1", "request-3"]


def test_who_keeps_no_log_leaves_the_others_alone(url: str, open_ledger: Open) -> None:
    """Two servers on one database, one of them with CLIPAD_LOG_ROWS=0."""
    writing = open_ledger()
    record(writing, standing(0.25), 0.5)
    assert len(lines(writing)) == 1
    lost: list[int] = []
    silent = open_ledger(Retention(days=1e-9, rows=0), lost=lost)
    record(silent, standing(0.25), 0.5)
    # Past the ledger, so that what the log does at its start is known to be over.
    silent.log.put(inspection(7))
    assert [line.request_id for line in lines(silent)] == ["request-7", "r"]
    assert lost == []


@pytest.mark.parametrize("days", [0.0, 1e-3, 36_500.0])
def test_the_days_that_settings_take_can_be_counted_back(days: float) -> None:
    assert Settings(log_days=days).log_days == days
    oldest = Retention(days=days, rows=1).oldest()
    assert (oldest is None) == (days == 0)
    assert oldest is None or oldest < datetime.now(UTC)


@pytest.mark.parametrize("days", ["-1", "36501", "1e9", "inf", "nan", "none"])
def test_other_days_are_refused(days: str) -> None:
    with pytest.raises(ValidationError, match="log_days"):
        Settings(log_days=days)  # type: ignore[arg-type]


def test_the_end_writes_what_is_left_and_closes_the_store(url: str, open_ledger: Open) -> None:
    ledger = open_ledger()
    for _ in range(50):
        record(ledger, standing(0.25), 0.5)
    ledger.close()
    ledger.close()
    store = Store(url)
    assert len(store.inspections(InspectionQuery())) == 50
    store.close()
    names = {thread.name for thread in threading.enumerate()}
    assert not {name for name in names if name.startswith(("store_", "look-up_", "inspection-"))}


def test_the_end_does_not_wait_for_a_database_that_hangs(
    open_ledger: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ledger_module, "_CLOSE_S", 0.1)
    ledger = open_ledger()
    begun, gate = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        gate.wait(PATIENCE_S)

    ledger._threads.submit(hang)
    assert begun.wait(PATIENCE_S)
    begin = time.monotonic()
    ledger.close()
    assert time.monotonic() - begin < PATIENCE_S / 2
    assert "did not answer within 0.1 s" in caplog.text
    gate.set()
