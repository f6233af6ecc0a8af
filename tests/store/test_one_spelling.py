"""The keys of an older database made anew: who keeps an id, who gets a number, what stays."""

import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from app.errors import FieldError
from app.ids import key_of
from app.store.query import InspectionQuery
from app.store.records import CategoryRecord
from app.store.store import Store
from tests.store import older
from tests.store.examples import category, put

_NOON = datetime(2025, 3, 4, 12, tzinfo=UTC)


def dump_of(*categories: tuple[str, int], logged: tuple[str, ...] = ()) -> str:
    """A dump of schema 0001: ids with how many samples, each made an hour after the last."""
    kept = (older.BEFORE / "clip-ad.sql").read_text(encoding="utf-8").splitlines(keepends=True)
    plain = "".join(
        line
        for line in kept
        if not line.startswith("INSERT") or "alembic" in line or "sqlite_sequence" in line
    )
    connection = sqlite3.connect(":memory:")
    connection.executescript(plain)
    for number, (id, samples) in enumerate(categories):
        made = str((_NOON + timedelta(hours=number)).replace(tzinfo=None))
        connection.execute(
            "INSERT INTO categories (key, id, object, domain, alpha, created, updated) "
            "VALUES (?, ?, ?, 'industrial', 0.25, ?, ?)",
            (id.casefold(), id, f"words of {number}", made, made),
        )
        for sample in range(samples):
            added = connection.execute(
                "INSERT INTO samples (category_key, id, created, image_sha256) VALUES (?, ?, ?, ?)",
                (id.casefold(), f"{number}-{sample}", made, "a" * 64),
            )
            scores = (added.lastrowid, 0, "sdp", f"of {number}", sample / 3, 0.0, 0.0)
            connection.execute("INSERT INTO sample_scores VALUES (?, ?, ?, ?, ?, ?, ?)", scores)
    for line in logged:
        connection.execute(
            "INSERT INTO inspections (time, request_id, category, category_key, method, score, "
            "fingerprint, image_sha256) VALUES (?, 'r', ?, ?, 'sdp', 0.5, 'f', 'a')",
            (str(_NOON.replace(tzinfo=None)), line, line.casefold()),
        )
    connection.commit()
    return "\n".join(connection.iterdump())


def opened(url: str, *categories: tuple[str, int], logged: tuple[str, ...] = ()) -> Store:
    older.fill(url, dump_of(*categories, logged=logged))
    return Store(url)


def ids_by_words(store: Store) -> dict[str, str]:
    """Each category's id by its words, which nothing changes; keys are those of the ids."""
    found = store.categories()
    assert all(record.key == key_of(record.id) for record in found)
    for record in found:
        number = record.object.removeprefix("words of ")
        samples = store.samples(record.key)
        assert all(sample.id.startswith(f"{number}-") for sample in samples)
        assert all(sample.scores[0].fingerprint == f"of {number}" for sample in samples)
    return {record.object: record.id for record in found}


def test_an_id_alone_keeps_its_spelling_and_its_samples(url: str) -> None:
    store = opened(url, ("Metal_Nut", 3), ("STRASSE-7", 0), ("a  b", 1), ("plain", 2))
    assert list(ids_by_words(store).values()) == ["Metal_Nut", "STRASSE-7", "a  b", "plain"]
    assert len(store.samples("metal nut")) == 3
    record, samples = store.state("plain")
    assert record == category(
        "plain", object="words of 3", alpha=0.25, **_times(_NOON + timedelta(hours=3))
    )
    assert [sample.scores[0].score for sample in samples] == [0.0, 1 / 3]
    store.close()


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # More samples keep the id, of as many the older one.
        ([("nut_a", 1), ("nut a", 2)], ["nut_a.2", "nut a"]),
        ([("nut_a", 2), ("nut a", 2)], ["nut_a", "nut a.2"]),
        ([("nut_a", 1), ("nut a", 2), ("nut-a", 2)], ["nut_a.3", "nut a", "nut-a.2"]),
        # No number that somebody has, in whatever spelling.
        (
            [("nut a", 1), ("nut_a", 0), ("Nut_A.2", 0), ("NUT-A.3", 0)],
            ["nut a", "nut_a.4", "Nut_A.2", "NUT-A.3"],
        ),
        # A number that is taken by one that falls together itself.
        (
            [("a b", 0), ("a_b", 0), ("a b.2", 0), ("a_b.2", 1)],
            ["a b", "a_b.3", "a b.2.2", "a_b.2"],
        ),
        # The longest ids have no room for a number.
        (
            [("x" * 31 + "_" + "y" * 32, 1), ("x" * 31 + " " + "y" * 32, 0)],
            ["x" * 31 + "_" + "y" * 32, "x" * 31 + " " + "y" * 30 + ".2"],
        ),
    ],
)
def test_where_ids_fall_together(
    url: str,
    found: list[tuple[str, int]],
    expected: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        store = opened(url, *found)
    ids = ids_by_words(store)
    assert [ids[f"words of {number}"] for number in range(len(found))] == expected
    kept = {record.id: len(store.samples(record.key)) for record in store.categories()}
    assert [kept[id] for id in expected] == [samples for _, samples in found]
    renamed = [(old, new) for (old, _), new in zip(found, expected, strict=True) if old != new]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(renamed)
    for old, new in renamed:
        assert any(f"{old!r}" in line and f"the second is {new!r}" in line for line in said)
    store.close()


def test_who_keeps_an_id_does_not_rest_on_the_order_of_rows(tmp_path: Path) -> None:
    outcomes = set()
    for number, order in enumerate(permutations([("a b", 1), ("a_b", 3), ("a-b", 2)])):
        store = opened(f"sqlite:///{tmp_path / str(number)}.db", *order)
        outcomes.add(tuple(sorted(record.id for record in store.categories())))
        store.close()
    assert outcomes == {("a b.3", "a-b.2", "a_b")}


def test_lines_of_the_log_are_found_in_every_spelling_and_stay_as_they_were(url: str) -> None:
    spellings = ("metal_nut", "Metal nut", "METAL-NUT", "straße_7", "other")
    store = opened(url, logged=spellings)
    for asked in ("metal nut", "Metal_Nut", "METAL--NUT"):
        lines = store.inspections(InspectionQuery(category=asked))
        assert [line.category for _, line in lines] == ["METAL-NUT", "Metal nut", "metal_nut"]
    assert len(store.inspections(InspectionQuery(category="STRASSE 7"))) == 1
    everything = store.inspections(InspectionQuery())
    assert [line.category for _, line in everything] == list(reversed(spellings))
    store.close()


def test_a_server_of_the_version_before_cannot_hide_a_category_from_this_one(url: str) -> None:
    store = opened(url, ("Metal_Nut", 1))
    for key in ("metal_nut", "bolt-7"):
        old = CategoryRecord(**{**vars(category("x")), "key": key})
        with pytest.raises(FieldError, match="refuses"):
            put(store, old)
    assert [record.key for record in store.categories()] == ["metal nut"]
    store.close()


def test_it_is_done_once(url: str, caplog: pytest.LogCaptureFixture) -> None:
    opened(url, ("a b", 1), ("a_b", 0)).close()
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        again = Store(url)
    assert sorted(record.id for record in again.categories()) == ["a b", "a_b.2"]
    assert caplog.records == []
    again.close()


def _times(moment: datetime) -> dict[str, datetime]:
    return {"created": moment, "updated": moment}
