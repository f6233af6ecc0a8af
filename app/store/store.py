"""The store as a whole: one database, what is kept in it, and its closing."""

from pathlib import Path

from app.store.category_store import CategoryStore
from app.store.database import Database
from app.store.inspection_store import InspectionStore


class Store(CategoryStore, InspectionStore):
    """Categories with their samples, and the inspection log, in one database.

    url: SQLite's file as a path, `sqlite:///path/to/file`, or
    `postgresql://user:password@host/database`. Tables are created or upgraded first. Any thread
    and several processes may use one database; methods block, and raise StoreUnavailableError
    when the database fails. Raises StoreError, naming the URL without its password, for a
    database that cannot be opened, is damaged or is of a newer schema than this code.
    """

    def __init__(self, url: str | Path) -> None:
        self._database = Database(url)

    def close(self) -> None:
        """Close every connection; the store is of no use afterwards."""
        self._database.close()
