"""Databases that cannot be used, at the start and later, and what is said of them."""

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from app.errors import ConfigurationError, NotReadyError
from app.store import database, engine, schema
from app.store.database import Database
from app.store.engine import make_engine, parse_url, shown
from app.store.errors import StoreError, StoreUnavailableError
from app.store.query import InspectionQuery
from app.store.store import Store
from tests.store.examples import category, inspection, put, sample

PATIENCE_S = 60


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "cannot be read; expected sqlite:///"),
        ("nonsense secret", "cannot be read"),
        ("mysql://user:secret@host/name", "mysql is not supported"),
        ("sqlite+aiosqlite:///x.db", "not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///file:x?uri=true", "names no file"),
        ("postgresql://user:secret@127.0.0.1:1/name", "user:***@127.0.0.1:1/name: cannot be used"),
        ("postgresql://user@127.0.0.1:1/name?password=secret", "cannot be used"),
    ],
)
def test_an_url_of_no_use_is_named_without_its_password(url: str, said: str) -> None:
    with pytest.raises(StoreError) as caught:
        Database(url)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, ConfigurationError)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_postgresql_is_taken(scheme: str) -> None:
    url = parse_url(f"{scheme}://user:secret@host/name?sslpassword=secret")
    assert url.drivername == "postgresql+psycopg"
    assert shown(url) == "postgresql+psycopg://user:***@host/name?sslpassword=hidden"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///a b#c.db", "a b#c.db"),
        ("sqlite:///Prüfung.db", "Prüfung.db"),
        ("sqlite:///a%20b.db", "a b.db"),
        ("sqlite:///a%3Fb%25.db", "a?b%.db"),
        ("sqlite:///x.db?timeout=3&check_same_thread=false", "x.db"),
        ("sqlite:///x.db?", "x.db"),
        ("sqlite:///~/x.db", "home/x.db"),
        ("sqlite:///./~/x.db", "~/x.db"),
    ],
)
def test_a_file_may_be_named_by_a_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    Store(url).close()
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.db")] == [Path(file)]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///a?/x.db", "'/x.db' is none; in a file's name it is written %3F"),
        ("sqlite:///x.db?mode=ro", "'mode=ro' is none"),
        ("sqlite:///x.db?timeout=3&cache=shared", "'cache=shared' is none"),
        ("sqlite:///~nobody-of-that-name/x.db", "nobody has the home of '~nobody-of-that-name"),
    ],
)
def test_a_url_of_another_file_than_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as refused:
        Store(url)
    assert said in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path}/new/folder/store.db").close()
    assert (tmp_path / "new" / "folder" / "store.db").exists()


def test_a_folder_that_cannot_be_made_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"file/store\.db: cannot be used"):
        Store(f"sqlite:///{tmp_path}/file/store.db")


def test_a_folder_in_place_of_the_file_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file"):
        Store(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database_is_a_named_error_and_stays(
    sqlite_url: str, tmp_path: Path
) -> None:
    garbage = b"this is no database " * 1000
    (tmp_path / "store.db").write_bytes(garbage)
    with pytest.raises(StoreError, match=r"store\.db: .*file is not a database"):
        Store(sqlite_url)
    assert (tmp_path / "store.db").read_bytes() == garbage


@pytest.mark.parametrize("where", ["middle", "end"])
def test_a_damaged_database_is_a_named_error(sqlite_url: str, tmp_path: Path, where: str) -> None:
    store = Store(sqlite_url)
    store.add_samples(category(), [sample(f"{number}") for number in range(2000)], registered=False)
    store.close()
    path = tmp_path / "store.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        if where == "middle":
            file.seek(size // 2)
            file.write(os.urandom(size // 4))
        else:
            file.truncate(size // 2)
    with pytest.raises(StoreError, match=r"store\.db: .*(damaged|malformed)"):
        Store(sqlite_url)


def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreError, match="schema version 9999, made by a newer"):
        Store(url)
    with pytest.raises(StoreError, match="schema version 9999, made by a newer"):
        Store(url)


def test_a_failure_while_running_is_not_shown_to_clients_but_logged(
    store: Store, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with store._database.writing() as connection:
        connection.execute(text("DROP TABLE inspections"))
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(StoreUnavailableError, match=r"does not answer at present$") as caught,
    ):
        store.log([inspection(part_id="private")])
    assert isinstance(caught.value, NotReadyError)
    assert "inspections" in caplog.text
    assert store._database.where in caplog.text
    assert "private" not in caplog.text
    assert store.categories() == []


@pytest.fixture
def locked(sqlite_url: str, tmp_path: Path) -> Iterator[Store]:
    """A store whose file another program is writing to."""
    store = Store(sqlite_url)
    with store._database.writing() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield store
    other.close()
    store.close()


def test_a_file_locked_for_too_long_can_be_read_but_not_written(locked: Store) -> None:
    with pytest.raises(StoreUnavailableError):
        locked.log([inspection()])
    assert locked.inspections(InspectionQuery()) == []


def test_writers_of_one_file_wait_for_their_turn_but_not_for_ever(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "POOL_TIMEOUT_S", 0.05)
    store = Store(sqlite_url)
    with store._database.writing(), pytest.raises(StoreUnavailableError):
        store.log([inspection()])
    store.log([inspection()])
    store.close()


def test_a_restarted_server_costs_no_request(postgresql_url: str) -> None:
    """Every connection but one's own is cut, as at a restart."""
    store = Store(postgresql_url)
    put(store, category())
    other = Database(postgresql_url)
    with other.reading() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid != pg_backend_pid() AND datname = current_database()"
            )
        )
    other.close()
    assert store.categories() == [category()]
    store.close()


@pytest.mark.parametrize("options", ["", "&options=-c%20statement_timeout%3D150"])
def test_a_statement_that_hangs_is_given_up(
    postgresql_url: str, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the time of our own, or by the one in the URL."""
    ours = "-c statement_timeout=10000" if options else "-c statement_timeout=150"
    monkeypatch.setitem(engine.POSTGRESQL, "options", ours)
    store, other = Store(postgresql_url + options), Database(postgresql_url)
    with other.writing() as connection:
        connection.execute(text("LOCK TABLE categories IN ACCESS EXCLUSIVE MODE"))
        # So that this fails, rather than hangs, where nothing is given up.
        connection.execute(text("SET idle_in_transaction_session_timeout = '60s'"))
        begin = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            store.categories()
        assert time.monotonic() - begin < 30
    assert store.categories() == []
    other.close()
    store.close()


def test_a_migration_may_take_its_time(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine.POSTGRESQL, "options", "-c statement_timeout=100")
    before = Database(postgresql_url)
    with ThreadPoolExecutor(1) as pool, before.writing() as connection:
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": schema._ADVISORY_LOCK}
        )
        starting = pool.submit(Database, postgresql_url)
        with pytest.raises(TimeoutError):
            starting.result(timeout=0.5)
        connection.rollback()
        starting.result(timeout=PATIENCE_S).close()
    before.close()


def test_a_server_is_not_waited_for_without_limit() -> None:
    made = make_engine(parse_url("postgresql://user@host/name?keepalives_idle=77"))
    _, told = made.dialect.create_connect_args(made.url)
    assert (told["connect_timeout"], told["tcp_user_timeout"]) == ("5", "10000")
    assert told["options"] == "-c statement_timeout=10000"
    assert (told["keepalives_idle"], told["keepalives_interval"]) == ("77", "5")


def test_sqlite_keeps_what_it_acknowledged_and_enforces_keys(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.reading() as connection:
        said = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    full = 2
    assert said == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }
