"""Ids are looked up with space, `_` and `-` as one: keys are made anew.

Where two ids fall together, the one with more samples keeps its id, of as many the older one; the
others get a number: `id.2`. The log says so of each. Their samples, words and settings stay.

No server of the version before is to run beside: it finds no category whose id has one of these
signs. What it would still register under such a key, the database refuses.
"""

import logging
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Written out rather than imported, as the tables are: what these become later must not change it.
_MAX_ID_CHARACTERS = 64
_CATEGORIES = sa.table(
    "categories",
    *(sa.column(name) for name in ("key", "id", "object", "domain", "normal_states")),
    *(sa.column(name) for name in ("abnormal_states", "rvs", "alpha", "roi")),
    sa.column("created", sa.DateTime(timezone=True)),
    sa.column("updated", sa.DateTime(timezone=True)),
)
_SAMPLES = sa.table("samples", sa.column("sequence"), sa.column("category_key"))
_INSPECTIONS = sa.table("inspections", sa.column("category_key"))
_OLD_KEY = "key LIKE '%-%' OR key LIKE '%\\_%' ESCAPE '\\'"
_log = logging.getLogger("app.store.migrations")


@dataclass(frozen=True)
class _Found:
    """A category as it is, with how many samples."""

    key: str
    id: str
    created: datetime
    samples: int


@dataclass(frozen=True)
class _Move:
    """A category's new key and id. place: a key for the meantime, as no id can have one."""

    found: _Found
    key: str
    id: str
    place: str


def upgrade() -> None:
    """Rewrite the keys of categories, of their samples and of the inspection log."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # Nobody else writes meanwhile; who reads need not wait.
        tables = "categories, samples, inspections"
        connection.execute(sa.text(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE"))
    moves = _moves(_categories(connection))
    # In two steps: a new key may be another category's old one.
    _rename(connection, [(move.found.key, move.place, move.id) for move in moves])
    _rename(connection, [(move.place, move.key, move.id) for move in moves])
    _rewrite_log(connection)
    _refuse_old_keys(connection)


def _categories(connection: sa.Connection) -> list[_Found]:
    table = _CATEGORIES.c
    of_it = sa.select(sa.func.count()).where(_SAMPLES.c.category_key == table.key)
    rows = connection.execute(
        sa.select(table.key, table.id, table.created, of_it.scalar_subquery())
    )
    return [_Found(*row) for row in rows]


def _moves(found: Iterable[_Found]) -> list[_Move]:
    """Who changes key or id; says of the latter in the log."""
    groups: defaultdict[str, list[_Found]] = defaultdict(list)
    for category in found:
        groups[_key_of(category.id)].append(category)
    taken = set(groups)
    moves: list[_Move] = []
    for key, group in sorted(groups.items()):
        first, *others = sorted(group, key=lambda one: (-one.samples, one.created, one.key))
        named = [(first, key, first.id)]
        for other in others:
            id = _free(other.id, taken)
            taken.add(_key_of(id))
            named.append((other, _key_of(id), id))
            _log.warning(
                "categories %r (%d samples) and %r (%d samples) are one id in this version: the "
                "first keeps it, the second is %r from now on",
                *(first.id, first.samples, other.id, other.samples, id),
            )
        for category, new, id in named:
            if (category.key, category.id) != (new, id):
                moves.append(_Move(category, new, id, f"/{len(moves)}"))
    return moves


def _free(id: str, taken: set[str]) -> str:
    """The id with the first number whose key nobody has, cut where it would be too long."""
    number = 2
    while True:
        end = f".{number}"
        numbered = id[: _MAX_ID_CHARACTERS - len(end)] + end
        if _key_of(numbered) not in taken:
            return numbered
        number += 1


def _rename(connection: sa.Connection, changes: list[tuple[str, str, str]]) -> None:
    """(key, its new one, its id) of each: samples go by the key, so the row is copied first."""
    if not changes:
        return
    rows = [{"old": old, "new": new, "name": id} for old, new, id in changes]
    table = _CATEGORIES.c
    new, name = sa.bindparam("new", type_=sa.String), sa.bindparam("name", type_=sa.String)
    rest = [column for column in table if column.name not in ("key", "id")]
    copied = sa.select(new, name, *rest).where(table.key == sa.bindparam("old"))
    samples: Any = _SAMPLES.c.category_key
    for statement in (
        sa.insert(_CATEGORIES).from_select(["key", "id", *(c.name for c in rest)], copied),
        sa.update(_SAMPLES).where(samples == sa.bindparam("old")).values(category_key=new),
        sa.delete(_CATEGORIES).where(table.key == sa.bindparam("old")),
    ):
        connection.execute(statement, rows)


def _rewrite_log(connection: sa.Connection) -> None:
    """Lines are found by their category's key, whether or not it was ever registered."""
    column = _INSPECTIONS.c.category_key
    keys = connection.execute(sa.select(column).distinct()).scalars()
    rows = [{"old": key, "new": _key_of(key)} for key in keys if key != _key_of(key)]
    if rows:
        one = sa.update(_INSPECTIONS).where(column == sa.bindparam("old"))
        connection.execute(one.values(category_key=sa.bindparam("new")), rows)


def _refuse_old_keys(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        op.create_check_constraint("ck_categories_key", "categories", f"NOT ({_OLD_KEY})")
        return
    # Of a table that is there, SQLite takes no further constraint.
    condition = _OLD_KEY.replace("key", "NEW.key")
    connection.exec_driver_sql(
        f"CREATE TRIGGER ck_categories_key BEFORE INSERT ON categories WHEN {condition} "
        "BEGIN SELECT RAISE(ABORT, 'a server of an older version: its keys are not used any more');"
        " END"
    )


def _key_of(identifier: str) -> str:
    words = unicodedata.normalize("NFC", identifier).translate(str.maketrans("_-", "  ")).split()
    return unicodedata.normalize("NFC", " ".join(words).casefold())
