"""Brings a database to the schema of this code, whoever else tries the same at once.

One process at a time, and all in one transaction: a process killed half way leaves the
database as it was. SQLite: a file lock beside the database (its switch to a write-ahead log
does not wait for others). PostgreSQL: an advisory lock that ends with the transaction.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, text

from app.store.engine import WRITES
from app.store.errors import StoreError

LOCK_TIMEOUT_S = 60
# Any number will do, so long as no other program locks the same in this database.
_ADVISORY_LOCK = 0x434C4950_4144  # "CLIPAD"
# Alembic's environment is a global of its module.
_ONE_THREAD = threading.Lock()
# The inspection log is left out: it grows, and the start shall not grow with it.
_CHECKED = ("categories", "samples", "sample_scores")


def migrate(engine: Engine, where: str) -> None:
    """Create or upgrade the tables. where: the database's name in messages.

    Raises StoreError for a newer schema or a damaged file, and SQLAlchemy's errors.
    """
    config = Config()
    config.set_main_option("script_location", "app.store:migrations")
    with _ONE_THREAD, _one_process(engine, where):
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            if engine.dialect.name == "postgresql":
                # A large table takes its time to change, and another process, whose turn it is.
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK}
                )
            _refuse_unknown(connection, ScriptDirectory.from_config(config), where)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        if engine.dialect.name == "sqlite":
            _refuse_damaged(engine, where)


@contextmanager
def _one_process(engine: Engine, where: str) -> Iterator[None]:
    if engine.dialect.name != "sqlite":
        yield
        return
    try:
        with FileLock(f"{engine.url.database}.lock", timeout=LOCK_TIMEOUT_S):
            yield
    except Timeout as error:
        raise StoreError(
            f"{where}: another process has been starting on it for over {LOCK_TIMEOUT_S} s"
        ) from error


def _refuse_unknown(connection: Connection, scripts: ScriptDirectory, where: str) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if not found <= known:
        raise StoreError(
            f"{where}: has schema version {', '.join(sorted(found - known))}, made by a newer "
            f"version of this service; expected {scripts.get_current_head()} or older"
        )


def _refuse_damaged(engine: Engine, where: str) -> None:
    with engine.connect() as connection:
        for table in _CHECKED:
            said = connection.exec_driver_sql(f"PRAGMA quick_check({table})").scalars().all()
            if said != ["ok"]:
                raise StoreError(f"{where}: is damaged: {said[0]}; restore it from a backup")
