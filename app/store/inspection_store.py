"""The inspection log in the database: written in batches, read in pages, pruned by age and count.

Newest means last written: pages go by the id that the database gave, which only grows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, insert, select

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
        rows = [{**asdict(line), "category_key": line.category.casefold()} for line in records]
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

    def prune(self, oldest: datetime | None, keep: int | None) -> int:
        """Delete lines from before `oldest` and all but the newest `keep`; how many went.

        None: no limit of that kind. Done in several transactions when there is much to do.
        """
        pruned = 0
        if oldest is not None:
            pruned += self._delete(select(INSPECTIONS.c.id).where(INSPECTIONS.c.time < oldest))
        if keep is not None:
            newest_to_go = select(INSPECTIONS.c.id).order_by(INSPECTIONS.c.id.desc()).offset(keep)
            with self._database.reading() as connection:
                last = connection.execute(newest_to_go.limit(1)).scalar()
            if last is not None:
                pruned += self._delete(select(INSPECTIONS.c.id).where(INSPECTIONS.c.id <= last))
        return pruned

    def _delete(self, ids: Select[tuple[int]]) -> int:
        some = delete(INSPECTIONS).where(INSPECTIONS.c.id.in_(ids.limit(PRUNED_AT_ONCE)))
        deleted = 0
        while True:
            with self._database.writing() as connection:
                count = connection.execute(some).rowcount
            deleted += count
            if count < PRUNED_AT_ONCE:
                return deleted


def _conditions(query: InspectionQuery) -> Iterator[ColumnElement[bool]]:
    columns = INSPECTIONS.c
    if query.since is not None:
        yield columns.time >= query.since
    if query.until is not None:
        yield columns.time < query.until
    if query.before is not None:
        yield columns.id < query.before
    if query.category is not None:
        yield columns.category_key == query.category.casefold()
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
