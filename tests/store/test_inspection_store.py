from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.errors import FieldError
from app.store import inspection_store
from app.store.query import InspectionQuery
from app.store.store import Store
from tests.store.examples import NOON, inspection


def requests(store: Store, **query: Any) -> list[str]:
    return [line.request_id for _, line in store.inspections(InspectionQuery(**query))]


def test_lines_come_back_as_they_were_newest_first(store: Store) -> None:
    lines = [
        inspection(
            0, score=0.1 + 0.2, threshold=2 / 3, p_value=1 / 3, is_anomalous=True, part_id="p\n'1'"
        ),
        inspection(1, is_anomalous=False, station="üß", category="Bracket"),
        inspection(2),
    ]
    store.log(lines)
    store.log([])
    found = store.inspections(InspectionQuery())
    assert [line for _, line in found] == lines[::-1]
    assert [id for id, _ in found] == sorted((id for id, _ in found), reverse=True)


def test_a_batch_keeps_its_order_whatever_its_size(store: Store) -> None:
    store.log([inspection(number) for number in range(2500)])
    expected = [f"request-{number}" for number in reversed(range(2500))]
    assert requests(store, limit=5000) == expected


def test_a_batch_is_kept_whole_or_not_at_all(store: Store) -> None:
    bad: Any = None
    with pytest.raises(FieldError):
        store.log([inspection(0), inspection(1, score=bad)])
    assert store.inspections(InspectionQuery()) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [3, 2, 1, 0]),
        ({"since": NOON + timedelta(minutes=1)}, [3, 2, 1]),
        ({"until": NOON + timedelta(minutes=1)}, [0]),
        ({"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=3)}, [2, 1]),
        ({"category": "STRASSE"}, [1, 0]),
        ({"category": "straße"}, [1, 0]),
        ({"part_id": "p1"}, [2, 0]),
        ({"station": "s1"}, [3]),
        ({"method": "sdp_plus"}, [2]),
        ({"request_id": "request-1"}, [1]),
        ({"is_anomalous": True}, [0]),
        ({"is_anomalous": False}, [1]),
        ({"part_id": "p1", "category": "bracket"}, [2]),
        ({"part_id": "' OR 1=1 --"}, []),
        ({"limit": 2}, [3, 2]),
    ],
)
def test_every_condition_must_hold(
    store: Store, query: dict[str, Any], expected: list[int]
) -> None:
    store.log(
        [
            inspection(0, category="Straße", part_id="p1", is_anomalous=True),
            inspection(1, category="strasse", is_anomalous=False),
            inspection(2, part_id="p1", method="sdp_plus"),
            inspection(3, station="s1"),
        ]
    )
    assert requests(store, **query) == [f"request-{number}" for number in expected]


def test_pages_miss_nothing_while_lines_are_added(store: Store) -> None:
    store.log([inspection(number) for number in range(7)])
    seen: list[str] = []
    before = None
    while page := store.inspections(InspectionQuery(limit=3, before=before)):
        seen += [line.request_id for _, line in page]
        before = page[-1][0]
        store.log([inspection(99)])
    assert seen == [f"request-{number}" for number in reversed(range(7))]


def test_pruning_without_limits_or_lines_does_nothing(store: Store) -> None:
    assert store.prune(NOON, 0) is False
    store.log([inspection()])
    assert store.prune(None, None) is False
    assert store.prune(NOON, 1) is False
    assert requests(store) == ["request-0"]


@pytest.mark.parametrize(
    ("minutes", "keep", "left"),
    [(4, None, 6), (None, 3, 3), (4, 3, 3), (8, 3, 2), (None, 10, 10), (None, 0, 0), (60, 9, 0)],
)
def test_pruning_goes_by_age_and_by_count(
    store: Store,
    minutes: int | None,
    keep: int | None,
    left: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inspection_store, "PRUNED_AT_ONCE", 2)
    store.log([inspection(number) for number in range(10)])
    oldest = None if minutes is None else NOON + timedelta(minutes=minutes)
    counts = [10]
    more = True
    while more:
        more = store.prune(oldest, keep)
        counts.append(len(requests(store)))
        # Always the oldest.
        assert requests(store)[:1] == (["request-9"] if counts[-1] else [])
        assert requests(store)[-1:] == [f"request-{10 - counts[-1]}"] * bool(counts[-1])
    assert counts[-1] == left
    assert all(0 <= before - after <= 2 for before, after in pairwise(counts))


def test_ids_are_not_given_twice(store: Store) -> None:
    store.log([inspection(0)])
    ((first, _),) = store.inspections(InspectionQuery())
    store.prune(None, 0)
    store.log([inspection(1)])
    ((second, _),) = store.inspections(InspectionQuery())
    assert second > first
