"""Categories and the samples they are calibrated with, in the database.

Every method is one transaction. Knows nothing of what a score means.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from app.store.database import Database
from app.store.records import CategoryRecord, SampleRecord, SampleScore
from app.store.tables import CATEGORIES, SAMPLE_SCORES, SAMPLES


class CategoryStore:
    """Keys are categories' ids, case-folded; an unknown one is no error."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_category(self, record: CategoryRecord) -> None:
        """Keep the record, instead of the one of its key if there is one; `created` then stays."""
        with self._database.writing() as connection:
            _put(connection, record, _EVERYTHING - {"created"})

    def category(self, key: str) -> CategoryRecord | None:
        """The record of the key, or None."""
        with self._database.reading() as connection:
            return _category(connection, key)

    def categories(self) -> list[CategoryRecord]:
        """Every record, ordered by id."""
        with self._database.reading() as connection:
            found = [_record(row) for row in connection.execute(select(CATEGORIES))]
        # Here rather than in SQL: databases differ in how they order text.
        return sorted(found, key=lambda record: record.id)

    def delete_category(self, key: str) -> bool:
        """Delete the category with its samples; whether there was one."""
        with self._database.writing() as connection:
            return connection.execute(delete(CATEGORIES).where(_is(key))).rowcount > 0

    def add_samples(self, category: CategoryRecord, samples: Sequence[SampleRecord]) -> None:
        """Keep all the samples or none, and the category if it is new.

        Raises FieldError when the category has a sample of such an id already.
        """
        with self._database.writing() as connection:
            # Not "do nothing": the row must stay until the samples are in, and this locks it.
            _put(connection, category, frozenset())
            _add(connection, category.key, samples)

    def samples(self, key: str) -> list[SampleRecord]:
        """The category's samples in the order they came in."""
        with self._database.reading() as connection:
            return _samples(connection, key)

    def state(self, key: str) -> tuple[CategoryRecord | None, list[SampleRecord]]:
        """The category and its samples, both of the same moment."""
        with self._database.reading() as connection:
            return _category(connection, key), _samples(connection, key)

    def counts(self) -> dict[str, int]:
        """Number of samples by category key; 0 for a category without any."""
        counted = (
            select(CATEGORIES.c.key, func.count(SAMPLES.c.sequence))
            .select_from(CATEGORIES.outerjoin(SAMPLES))
            .group_by(CATEGORIES.c.key)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}

    def delete_sample(self, key: str, sample_id: str) -> bool:
        """Delete one sample of the category; whether there was one."""
        one = delete(SAMPLES).where(SAMPLES.c.category_key == key, SAMPLES.c.id == sample_id)
        with self._database.writing() as connection:
            return connection.execute(one).rowcount > 0

    def clear_samples(self, key: str) -> int:
        """Delete the category's samples; how many there were."""
        with self._database.writing() as connection:
            # Whoever touches many samples locks their category first, so none wait in a circle.
            connection.execute(select(CATEGORIES.c.key).where(_is(key)).with_for_update())
            return connection.execute(_all_of(key)).rowcount

    def replace_category(self, record: CategoryRecord, samples: Sequence[SampleRecord]) -> None:
        """Keep the record and exactly these samples, whatever there was of its key before."""
        with self._database.writing() as connection:
            _put(connection, record, _EVERYTHING)
            connection.execute(_all_of(record.key))
            _add(connection, record.key, samples)


_EVERYTHING = frozenset(CATEGORIES.c.keys()) - {"key"}


def _is(key: str) -> ColumnElement[bool]:
    return CATEGORIES.c.key == key


def _all_of(key: str) -> Any:
    return delete(SAMPLES).where(SAMPLES.c.category_key == key)


def _put(connection: Connection, record: CategoryRecord, change: frozenset[str]) -> None:
    """Insert the record; of one that is there, change the named columns."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(CATEGORIES).values(asdict(record))
    changes = {name: new.excluded[name] for name in change} or {"id": CATEGORIES.c.id}
    connection.execute(new.on_conflict_do_update(index_elements=["key"], set_=changes))


def _add(connection: Connection, key: str, samples: Sequence[SampleRecord]) -> None:
    if not samples:
        return
    rows = [
        {
            "category_key": key,
            "id": sample.id,
            "created": sample.created,
            "image_sha256": sample.image_sha256,
            "filename": sample.filename,
        }
        for sample in samples
    ]
    numbered = insert(SAMPLES).returning(SAMPLES.c.sequence, sort_by_parameter_order=True)
    sequences = connection.execute(numbered, rows).scalars()
    scores = [
        {"sample": sequence, "position": position, **asdict(score)}
        for sequence, sample in zip(sequences, samples, strict=True)
        for position, score in enumerate(sample.scores)
    ]
    if scores:
        connection.execute(insert(SAMPLE_SCORES), scores)


def _category(connection: Connection, key: str) -> CategoryRecord | None:
    row = connection.execute(select(CATEGORIES).where(_is(key))).one_or_none()
    return None if row is None else _record(row)


def _record(row: Row[Any]) -> CategoryRecord:
    values = row._asdict()
    for name in ("normal_states", "abnormal_states"):
        values[name] = None if values[name] is None else tuple(values[name])
    return CategoryRecord(**values)


def _samples(connection: Connection, key: str) -> list[SampleRecord]:
    of_category = SAMPLES.c.category_key == key
    scores: dict[int, list[SampleScore]] = {}
    for number, _position, *said in connection.execute(
        select(SAMPLE_SCORES)
        .join(SAMPLES)
        .where(of_category)
        .order_by(SAMPLE_SCORES.c.sample, SAMPLE_SCORES.c.position)
    ):
        scores.setdefault(number, []).append(SampleScore(*said))
    found = connection.execute(select(SAMPLES).where(of_category).order_by(SAMPLES.c.sequence))
    return [
        SampleRecord(
            row.id, row.created, row.image_sha256, row.filename, tuple(scores.get(row.sequence, ()))
        )
        for row in found
    ]
