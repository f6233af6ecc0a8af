"""What is kept, as plain values: categories, calibration samples, inspections.

Times are aware datetimes in UTC. Knows nothing of databases.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class CategoryRecord:
    """A registered category. key: of its id (`app.ids`), under which it is found.

    normal_states, abnormal_states: own state words, each with one `{}`; None for the domain's.
    rvs: None for the service's. roi: as `app.images.region.parse_roi` takes it, None
    for the whole image.
    """

    key: str
    id: str
    object: str
    domain: str
    normal_states: tuple[str, ...] | None
    abnormal_states: tuple[str, ...] | None
    rvs: str | None
    alpha: float
    roi: Any | None
    created: datetime
    updated: datetime


@dataclass(frozen=True)
class SampleScore:
    """What one method said of a calibration image under one fingerprint.

    map_median: of the smoothed map inside the region of interest, as map_max is its maximum.
    """

    method: str
    fingerprint: str
    score: float
    map_max: float
    map_median: float


@dataclass(frozen=True)
class SampleRecord:
    """One good image a category was calibrated with; the image itself is not kept."""

    id: str
    created: datetime
    image_sha256: str
    filename: str | None
    scores: tuple[SampleScore, ...]


@dataclass(frozen=True)
class InspectionRecord:
    """One line of the inspection log.

    threshold (of the score, as it stood at that moment), p_value and is_anomalous: None where
    nothing was decided.
    """

    time: datetime
    request_id: str
    part_id: str | None
    station: str | None
    category: str
    method: str
    score: float
    threshold: float | None
    p_value: float | None
    is_anomalous: bool | None
    fingerprint: str
    image_sha256: str
