"""The inspection log in the database: written in batches, read in pages, pruned by age and count.

Newest means last written: pages go by the id that the database gave, which only grows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, insert, select

from app.ids import key_of
from app.store.database import Database
from app.store.query import InspectionQuery
from app.store.records import InspectionRecord
from app.store.tables import INSPECTIONS

# Lines deleted in one transaction: few enough that those who log meanwhile need not wait long.
PRUNED_AT_ONCE = 5000
_FIELDS = [INSPECTIONS.c[field.name] for field in fields(InspectionRecord)]


class InspectionStore:
    """Appends, finds and prunes the log's lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def log(self, records: Sequence[InspectionRecord]) -> None:
        """Keep all the lines, or none, in their order."""
        if not records:
            return
        rows = [{**asdict(line), "category_key": key_of(line.category)} for line in records]
        with self._database.writing() as connection:
            connection.execute(insert(INSPECTIONS), rows)

    def inspections(self, query: InspectionQuery) -> list[tuple[int, InspectionRecord]]:
        """The lines asked for, each with its id, newest first."""
        found = (
            select(INSPECTIONS.c.id, *_FIELDS)
            .where(*_conditions(query))
            .order_by(INSPECTIONS.c.id.desc())
            .limit(query.limit)
        )
        with self._database.reading() as connection:
            return [(row[0], InspectionRecord(*row[1:])) for row in connection.execute(found)]

    def prune(self, oldest: datetime | None, keep: int | None) -> bool:
        """Delete some lines from before `oldest`, or of all but the newest `keep`, the oldest
        first and PRUNED_AT_ONCE at most; whether there may be more to delete.

        None: no limit of that kind.
        """
        columns = INSPECTIONS.c
        if oldest is not None:
            before = select(columns.id).where(columns.time < oldest).order_by(columns.time)
            if self._delete(before):
                return True
        if keep is None:
            return False
        newest_to_go = select(columns.id).order_by(columns.id.desc()).offset(keep).limit(1)
        with self._database.reading() as connection:
            last = connection.execute(newest_to_go).scalar()
        if last is None:
            return False
        beyond = select(columns.id).where(columns.id <= last).order_by(columns.id)
        return self._delete(beyond) == PRUNED_AT_ONCE

    def _delete(self, ids: Select[tuple[int]]) -> int:
        some = delete(INSPECTIONS).where(INSPECTIONS.c.id.in_(ids.limit(PRUNED_AT_ONCE)))
        with self._database.writing() as connection:
            return connection.execute(some).rowcount


def _conditions(query: InspectionQuery) -> Iterator[ColumnElement[bool]]:
    columns = INSPECTIONS.c
    if query.since is not None:
        yield columns.time >= query.since
    if query.until is not None:
        yield columns.time < query.until
    if query.before is not None:
        yield columns.id < query.before
    if query.category is not None:
        yield columns.category_key == key_of(query.category)
    same: dict[str, Any] = {
        "part_id": query.part_id,
        "station": query.station,
        "method": query.method,
        "request_id": query.request_id,
        "is_anomalous": query.is_anomalous,
    }
    for name, value in same.items():
        if value is not None:
            yield columns[name] == value
