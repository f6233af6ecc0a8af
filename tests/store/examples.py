"""Records to keep, made from little."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.ids import key_of
from app.store.records import CategoryRecord, InspectionRecord, SampleRecord, SampleScore
from app.store.store import Store

NOON = datetime(2025, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)


def category(id: str = "Bracket 7", **changes: Any) -> CategoryRecord:
    """A category with an id, and all else as given or the plainest there is."""
    values: dict[str, Any] = {
        "object": id,
        "domain": "industrial",
        "normal_states": None,
        "abnormal_states": None,
        "rvs": None,
        "alpha": 0.05,
        "roi": None,
        "created": NOON,
        "updated": NOON,
    }
    return CategoryRecord(key=key_of(id), id=id, **values | changes)


def put(store: Store, record: CategoryRecord) -> None:
    """Keep the record, whatever there was of its key."""
    store.change_category(record.key, lambda _found: record)


def sample(id: str, score: float = 0.5, scores: int = 2) -> SampleRecord:
    """A sample with scores of so many methods."""
    said = tuple(
        SampleScore(f"method{number}", "f" * 64, score, score / 3, score / 7)
        for number in range(scores)
    )
    return SampleRecord(id, NOON, "a" * 64, f"{id}.png", said)


def inspection(number: int = 0, **changes: Any) -> InspectionRecord:
    """A line of the log, `number` minutes after noon."""
    values: dict[str, Any] = {
        "time": NOON + timedelta(minutes=number),
        "request_id": f"request-{number}",
        "part_id": None,
        "station": None,
        "category": "bracket",
        "method": "sdp",
        "score": 0.5,
        "threshold": None,
        "p_value": None,
        "is_anomalous": None,
        "fingerprint": "f" * 64,
        "image_sha256": "a" * 64,
    }
    return InspectionRecord(**values | changes)
