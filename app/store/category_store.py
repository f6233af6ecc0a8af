"""Categories and the samples they are calibrated with, in the database.

Every method is one transaction; those that change one category come one after the other, in
every process, so that none works from what another is about to change. Knows nothing of what a
score means.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from app.errors import FieldError, TooManyNewCategoriesError, UnknownCategoryError
from app.store.database import Database
from app.store.records import CategoryRecord, SampleRecord, SampleScore
from app.store.tables import CATEGORIES, SAMPLE_SCORES, SAMPLES

# Of one category. Every look-up reads all of them, and an image a second for an hour is fewer.
MAX_SAMPLES = 5000
# Whoever registers names by the thousand does not mean parts on a line.
MAX_CATEGORIES = 10_000


class CategoryStore:
    """Keys are those of `app.ids`; an unknown one is no error."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def change_category(
        self, key: str, change: Callable[[CategoryRecord | None], CategoryRecord]
    ) -> CategoryRecord:
        """Keep what `change` makes of the record there is, or of None, under the same key.

        The record kept; `created` stays from the first. change holds other writers up: to be
        quick. What it raises leaves everything as it was.
        """
        with self._changing(key) as connection:
            found = _category(connection, key)
            changed = change(found)
            if changed.key != key:
                raise ValueError(f"the changed category has key {changed.key!r}: expected {key!r}")
            if found is not None:
                changed = replace(changed, created=found.created)
            _put(connection, changed)
            return changed

    def categories(self) -> list[CategoryRecord]:
        """Every record, ordered by id."""
        with self._database.reading() as connection:
            found = [_record(row) for row in connection.execute(select(CATEGORIES))]
        # Here rather than in SQL: databases differ in how they order text.
        return sorted(found, key=lambda record: record.id)

    def delete_category(self, key: str) -> bool:
        """Delete the category with its samples; whether there was one."""
        with self._changing(key) as connection:
            return connection.execute(delete(CATEGORIES).where(_is(key))).rowcount > 0

    def add_samples(
        self, category: CategoryRecord, samples: Sequence[SampleRecord], *, registered: bool
    ) -> tuple[CategoryRecord, list[SampleRecord]]:
        """Keep all the samples or none; of the category only its key counts where there is one.

        The category as it is, and all its samples: whoever was told so much needs no second look.
        registered: the category is there, as far as the caller knows: raises UnknownCategoryError
        when it is not any more, instead of making it again. Raises FieldError when it has a sample
        of such an id already, or would have more than MAX_SAMPLES.
        """
        with self._changing(category.key) as connection:
            found = _category(connection, category.key)
            if found is None:
                if registered:
                    raise UnknownCategoryError(
                        f"category {category.id!r} was deleted meanwhile: "
                        "expected one that is registered; no sample was kept"
                    )
                _put(connection, category)
            counted = select(func.count()).where(SAMPLES.c.category_key == category.key)
            _require_room(category, connection.execute(counted).scalar_one() + len(samples))
            _add(connection, category.key, samples)
            return found or category, _samples(connection, category.key)

    def samples(self, key: str) -> list[SampleRecord]:
        """The category's samples in the order they came in."""
        with self._database.reading() as connection:
            return _samples(connection, key)

    def state(self, key: str) -> tuple[CategoryRecord | None, list[SampleRecord]]:
        """The category and its samples, both of the same moment."""
        with self._database.reading() as connection:
            return _category(connection, key), _samples(connection, key)

    def delete_sample(self, key: str, sample_id: str) -> bool:
        """Delete one sample of the category; whether there was one."""
        one = delete(SAMPLES).where(SAMPLES.c.category_key == key, SAMPLES.c.id == sample_id)
        with self._changing(key) as connection:
            return connection.execute(one).rowcount > 0

    def clear_samples(self, key: str) -> int:
        """Delete the category's samples; how many there were."""
        with self._changing(key) as connection:
            return connection.execute(_all_of(key)).rowcount

    def replace_category(self, record: CategoryRecord, samples: Sequence[SampleRecord]) -> None:
        """Keep the record and exactly these samples, whatever there was of its key before.

        Raises FieldError when two samples have one id, or there are more than MAX_SAMPLES.
        """
        _require_room(record, len(samples))
        with self._changing(record.key) as connection:
            _put(connection, record)
            connection.execute(_all_of(record.key))
            _add(connection, record.key, samples)

    @contextmanager
    def _changing(self, key: str) -> Iterator[Connection]:
        """A writing transaction that is the only one for this category as long as it lasts.

        SQLite's writers come one after the other anyway. On PostgreSQL a lock on the row would not
        do: there may be none yet.
        """
        with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":
                take = text("SELECT pg_advisory_xact_lock(:number)")
                connection.execute(take, {"number": _lock_number(key)})
            yield connection


def _lock_number(key: str) -> int:
    """PostgreSQL's locks have numbers of 64 bits; keys that share one wait for each other."""
    digest = hashlib.blake2b(key.encode(), digest_size=8, person=b"clip-ad").digest()
    return int.from_bytes(digest, signed=True)


def _require_room(category: CategoryRecord, count: int) -> None:
    if count > MAX_SAMPLES:
        raise FieldError(
            f"category {category.id!r} would have {count} calibration samples: "
            f"expected at most {MAX_SAMPLES}; take some out first"
        )


def _is(key: str) -> ColumnElement[bool]:
    return CATEGORIES.c.key == key


def _all_of(key: str) -> Any:
    return delete(SAMPLES).where(SAMPLES.c.category_key == key)


def _put(connection: Connection, record: CategoryRecord) -> None:
    """Insert the record, or change every column of the one of its key."""
    others = select(func.count()).where(CATEGORIES.c.key != record.key)
    count = connection.execute(others).scalar_one()
    if count >= MAX_CATEGORIES:
        raise TooManyNewCategoriesError(
            f"{count} categories besides {record.id!r} are registered: expected fewer than "
            f"{MAX_CATEGORIES}; delete some first",
            retry_after_s=60,
        )
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(CATEGORIES).values(asdict(record))
    changes = {column.name: new.excluded[column.name] for column in CATEGORIES.c}
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
