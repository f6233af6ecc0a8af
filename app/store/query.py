"""Which lines of the inspection log are asked for. Knows nothing of databases."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class InspectionQuery:
    """Every condition that is not None must hold; the newest `limit` lines are meant.

    since, until: aware times, from `since` on and before `until`. category: its id
    in any spelling of the same key. before: a line's id; only older lines, for the next page.
    limit: lines at most, at least 1.
    """

    limit: int = 100
    since: datetime | None = None
    until: datetime | None = None
    category: str | None = None
    part_id: str | None = None
    station: str | None = None
    method: str | None = None
    request_id: str | None = None
    is_anomalous: bool | None = None
    before: int | None = None
