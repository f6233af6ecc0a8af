"""What goes wrong with the database, at the start and while running, in the app's own words.

This is the one place where SQLAlchemy's errors become the app's:

    at the start                          StoreError             the process does not come up
    running, the database refuses values  FieldError             an id twice, a NUL in a text
    running, anything else                StoreUnavailableError  gone, locked, full or damaged

A mistake in the code (a naive time, a statement that makes no sense to SQLAlchemy) is none of
these and passes as it is. Knows nothing of what is being read or written.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import ConfigurationError, FieldError, NotReadyError

_log = logging.getLogger(__name__)


class StoreError(ConfigurationError):
    """The database cannot be opened, is damaged, or is of a newer schema than the code."""


class StoreUnavailableError(NotReadyError):
    """The database stopped answering, is locked for too long, full or damaged."""


@contextmanager
def starting_errors(where: str) -> Iterator[None]:
    """Raise what the database says inside as StoreError. where: its URL without the password."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(f"{where}: cannot be used as the database: {_reason(error)}") from error


@contextmanager
def running_errors(where: str) -> Iterator[None]:
    """Raise what the database says inside as FieldError or StoreUnavailableError."""
    try:
        yield
    except (IntegrityError, DataError) as error:
        raise FieldError(f"the database refuses to keep this: {_reason(error)}") from error
    except (DBAPIError, PoolTimeoutError, TimeoutError) as error:
        # A client gets the error's message: hosts, users and files are for the log alone.
        _log.error("%s: the database failed: %s", where, _reason(error))
        raise StoreUnavailableError("the database does not answer at present") from error


def _reason(error: Exception) -> str:
    # The driver's own words alone: SQLAlchemy's add the statement and a link.
    said = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(said).split()) or type(said).__name__
