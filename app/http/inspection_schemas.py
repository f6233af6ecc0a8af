"""The inspection log as it goes over the wire: what may be asked of it and what it answers."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
)

from app.http.schemas import Label, Method

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
# `+02:00` in a query string that was not escaped arrives as ` 02:00`.
_LOST_PLUS = re.compile(r"(?<=:\d\d)((?:[.,]\d+)?) (\d\d:?\d\d)$")
_MOST = 10_000
_MOST_ID = 2**63 - 1  # what a database's integers hold
_ISO = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}


def _as_iso(value: object) -> object:
    """A text with its `+` back; raises ValueError for a bare number.

    Pydantic takes numbers for seconds since 1970, so that `since=2024` would mean that year.
    """
    if not isinstance(value, str):
        return value
    if _NUMBER.fullmatch(value.strip()):
        raise ValueError("is a number; expected a date and time as in ISO 8601")
    return _LOST_PLUS.sub(r"\1+\2", value)


def _as_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from error


Moment = Annotated[
    datetime, BeforeValidator(_as_iso), AfterValidator(_as_utc), WithJsonSchema(_ISO)
]


class InspectionOptions(BaseModel):
    """Which inspections are asked for; an empty text counts as absent."""

    since: Moment | None = Field(
        default=None, description="Not before this moment, ISO 8601; UTC where no zone is given."
    )
    until: Moment | None = Field(
        default=None, description="Before this moment, ISO 8601; UTC where no zone is given."
    )
    category: Label | None = Field(default=None, description="Of this category.")
    part_id: Label | None = Field(default=None, description="Of this part.")
    station: Label | None = Field(default=None, description="At this station.")
    method: Method | None = Field(default=None, description="By this method.")
    request_id: Label | None = Field(default=None, description="The `X-Request-ID` of the request.")
    is_anomalous: bool | None = Field(
        default=None, description="As decided; inspections without a decision match neither."
    )
    before: int | None = Field(
        default=None,
        ge=1,
        le=_MOST_ID,
        description="Only ids below this one: the `next` of the page before.",
    )
    limit: int = Field(default=100, ge=1, le=_MOST, description="Inspections at most.")

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: object, info: Any) -> object:
        if value == "":
            return cls.model_fields[info.field_name].default
        return value


class InspectionRow(BaseModel):
    """One inspection as it was logged."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="Grows with each line that is written.")
    time: datetime = Field(description="UTC.")
    request_id: str
    part_id: str | None
    station: str | None
    category: str
    method: str
    score: float = Field(description="The anomaly score; higher is more anomalous.")
    threshold: float | None = Field(
        description="The anomaly threshold it was decided against at that moment; null where "
        "nothing was decided."
    )
    p_value: float | None = Field(description="Null where the category was not calibrated.")
    is_anomalous: bool | None = Field(description="Null where nothing was decided.")
    fingerprint: str = Field(description="Of the model that computed the score.")
    image_sha256: str = Field(description="Of the bytes that were posted.")


class InspectionPage(BaseModel):
    """Inspections, newest first."""

    inspections: list[InspectionRow]
    next: int | None = Field(
        description="To be passed as `before` for the next page, which may be empty; null after "
        "the last one."
    )
