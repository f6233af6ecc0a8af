"""Databases as the version before left them."""

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, func, select
from sqlalchemy.pool import StaticPool

from app.store.engine import make_engine, parse_url
from app.store.tables import METADATA

BEFORE = Path(__file__).parent.parent / "data" / "before"


def fill(url: str, dump: str | None = None) -> None:
    """Make a database of schema 0001 with what the dump says; by default the one that is kept."""
    if dump is None:
        dump = (BEFORE / "clip-ad.sql").read_text(encoding="utf-8")
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(path) as connection:
            connection.executescript(dump)
        connection.close()
        return
    old = sqlite3.connect(":memory:", check_same_thread=False)
    old.executescript(dump)
    source = create_engine("sqlite://", creator=lambda: old, poolclass=StaticPool)
    target = make_engine(parse_url(url))
    config = Config()
    config.set_main_option("script_location", "app.store:migrations")
    with source.connect() as reading, target.begin() as writing:
        config.attributes["connection"] = writing
        command.upgrade(config, "0001")
        for table in METADATA.sorted_tables:
            rows = [dict(row) for row in reading.execute(select(table)).mappings()]
            if rows:
                writing.execute(table.insert(), rows)
            for column in table.c:  # as many numbers are given as there would have been
                if column.autoincrement is True:
                    sequence = func.pg_get_serial_sequence(table.name, column.name)
                    last = select(func.max(column)).scalar_subquery()
                    writing.execute(select(func.setval(sequence, last)))
    target.dispose()
    source.dispose()
