"""Column types that read the same from SQLite and PostgreSQL."""

from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer
from sqlalchemy.types import TypeDecorator

# SQLite numbers rows itself only in a column whose type is INTEGER to the letter.
RowId = BigInteger().with_variant(Integer(), "sqlite")
# None is SQL's NULL, not JSON's null.
Json = JSON(none_as_null=True)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, kept to the microsecond and given back in UTC.

    SQLite has no time zones: there the column holds UTC without saying so, as text that sorts
    by time. Raises ValueError (inside SQLAlchemy's StatementError) for a naive datetime.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time {value} has no time zone; expected an aware datetime")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
