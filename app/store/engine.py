"""A database's URL -> a SQLAlchemy engine with the settings this project relies on.

SQLite: write-ahead log, every commit on the disk before it is acknowledged, foreign keys
enforced, up to 5 s of waiting for another writer. PostgreSQL: connections are tried before use,
so that a restarted server costs no request; what hangs is given up: a statement after 10 s, a
peer that has left without a word after some 20. Knows nothing of tables.
"""

from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from app.store.errors import StoreError

BUSY_TIMEOUT_S = 5
POOL_TIMEOUT_S = 10
# What libpq is told unless the URL names the same parameter, `options` as a whole.
POSTGRESQL = {
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "10000",  # milliseconds, as the next
    "options": "-c statement_timeout=10000",
}
# Execution option of a connection whose transactions write.
WRITES = "clipad_writes"
_EXPECTED = "expected sqlite:///path/to/file or postgresql://user:password@host/database"
_POSTGRESQL_NAMES = {"postgres", "postgresql", "postgresql+psycopg"}
_SQLITE = "sqlite+pysqlite"
_SQLITE_NAMES = {"sqlite", _SQLITE}
# Of Python's driver; any other one SQLAlchemy would pass over, and the file would be another.
_SQLITE_OPTIONS = {
    *("cached_statements", "check_same_thread", "detect_types"),
    *("isolation_level", "timeout", "uri"),
}


def parse_url(url: str | Path) -> URL:
    """The URL with its driver named; a path is SQLite's file, whatever signs are in its name.

    Raises StoreError for a URL that is not understood.
    """
    if isinstance(url, Path):
        return URL.create(_SQLITE, database=str(url))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Not shown: what cannot be parsed may hide a password anywhere. `from None` likewise.
        raise StoreError(f"the database's URL cannot be read; {_EXPECTED}") from None
    if parsed.drivername in _POSTGRESQL_NAMES:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in _SQLITE_NAMES:
        raise StoreError(f"{shown(parsed)}: {parsed.drivername} is not supported; {_EXPECTED}")
    if parsed.database in (None, "", ":memory:") or str(parsed.database).startswith("file:"):
        raise StoreError(f"{shown(parsed)}: names no file; {_EXPECTED}")
    # Not by the parsed query, which lacks what has no `=`.
    for option in filter(None, url.partition("?")[2].split("&")):
        if option.partition("=")[0] not in _SQLITE_OPTIONS:
            raise StoreError(
                f"{shown(parsed)}: `?` begins options, and {option!r} is none; in a file's name "
                "it is written %3F, and % as %25"
            )
    return parsed.set(drivername=_SQLITE, database=_file(parsed))


def _file(url: URL) -> str:
    """The file that a SQLite URL names."""
    file = str(url.database)
    try:
        return str(Path(file).expanduser()) if file.startswith("~") else file
    except RuntimeError as error:
        raise StoreError(
            f"{shown(url)}: nobody has the home of {file!r}; expected a user's, or ./{file}"
        ) from error


def shown(url: URL) -> str:
    """The URL as text for messages, without passwords."""
    secret = {name: "hidden" for name in url.query if "pass" in name.lower()}
    return url.update_query_dict(secret).render_as_string(hide_password=True)


def make_engine(url: URL) -> Engine:
    """An engine for a URL of `parse_url`; connects to nothing yet, but makes SQLite's folder.

    Raises StoreError when PostgreSQL's driver is not installed, OSError when the folder cannot
    be made.
    """
    # Parts' ids and the like are not for log files.
    options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": POOL_TIMEOUT_S}
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, **options)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    told = url.set(query=POSTGRESQL | dict(url.query))
    try:
        return create_engine(told, pool_pre_ping=True, **options)
    except ImportError as error:
        raise StoreError(f"{shown(url)}: needs the package psycopg[binary]: {error}") from error


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    try:
        # Python shall begin no transactions of its own: `_begin_sqlite` does.
        connection.isolation_level = None
        # Asked first: only the change itself needs the file alone.
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    except BaseException:
        # The pool does not close a connection that a listener failed on.
        connection.close()
        raise


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and then writes cannot wait for another writer, it fails at
    # once; one that says so at its beginning waits its turn.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
