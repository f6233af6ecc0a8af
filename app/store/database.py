"""A database with our tables in it: transactions that read, and transactions that write.

Knows nothing of what is kept.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection

from app.store.engine import POOL_TIMEOUT_S, WRITES, make_engine, parse_url, shown
from app.store.errors import running_errors, starting_errors
from app.store.schema import migrate
from app.store.turns import Turns


class Database:
    """Opened and migrated when made. Any thread may use it.

    Raises StoreError, naming the URL without its password, for a database that cannot be opened,
    is damaged or is of a newer schema than this code.
    """

    def __init__(self, url: str | Path) -> None:
        parsed = parse_url(url)
        self.where = shown(parsed)
        with starting_errors(self.where):
            self._engine = make_engine(parsed)
            try:
                migrate(self._engine, self.where)
            except BaseException:
                self._engine.dispose()
                raise
        self._writes = self._engine.execution_options(**{WRITES: True})
        # SQLite lets one write at a time, but those who wait only ask again now and then: under
        # load some would never find it free. Its writers of this process stand in line here.
        postgresql = self._engine.dialect.name == "postgresql"
        self._turns = None if postgresql else Turns()
        # A reader sees one moment of the database over all its statements. SQLite's
        # transactions are so anyway.
        self._reads = (
            self._engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            if postgresql
            else self._engine
        )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees one moment. Raises StoreUnavailableError."""
        with running_errors(self.where), self._reads.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, kept once left without an error and undone otherwise.

        Raises StoreUnavailableError, and FieldError for values the database refuses.
        """
        with running_errors(self.where), self._turn(), self._writes.begin() as connection:
            yield connection

    def _turn(self) -> AbstractContextManager[None]:
        return self._turns.turn(POOL_TIMEOUT_S) if self._turns else nullcontext()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
