from collections.abc import Callable
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from filelock import FileLock
from sqlalchemy import text

from app.store import schema
from app.store.database import Database
from app.store.errors import StoreError
from app.store.tables import METADATA


def test_the_migrations_end_at_the_tables_of_the_code(url: str) -> None:
    database = Database(url)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    database.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade: Callable[..., Any] = command.upgrade

    def fail(*arguments: Any) -> None:
        upgrade(*arguments)
        raise OSError("disk on fire")

    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", fail)
        with pytest.raises(StoreError, match="disk on fire"):
            Database(url)
    database = Database(url)
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM categories")).scalar() == 0
    database.close()


def test_a_start_that_waits_too_long_for_another_says_so(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "LOCK_TIMEOUT_S", 0.05)
    Database(sqlite_url).close()
    path = sqlite_url.removeprefix("sqlite:///")
    with (
        FileLock(f"{path}.lock"),
        pytest.raises(StoreError, match="another process has been starting"),
    ):
        Database(sqlite_url)
