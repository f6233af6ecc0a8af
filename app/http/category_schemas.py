"""Categories and calibrations as they go over the wire."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
)

from app.clipad.prompts import Domain
from app.clipad.rvs import RvsMethod
from app.http.schemas import Problem

_State = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
_Text = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")]
_States = Annotated[list[_State], Field(min_length=1, max_length=50)]
_REPEATED = (
    "How many of the `n` are the same file as an earlier one: such are not independent, and the "
    "stated rates then promise too much."
)
_ROI = (
    "Region of interest: a list of polygons, each a list of [x, y] as shares of the upright "
    "image's width and height in [0,1]; or a PNG mask in base64. Outside it the map counts neither "
    "for the score nor for regions; the text part still sees the whole picture."
)


def _as_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from error


class CategoryChange(BaseModel):
    """What to change of a category. What is left out stays as it is, null is the default."""

    model_config = ConfigDict(extra="forbid")

    object: str | None = Field(
        default=None,
        description="The words in the prompts; default: the id, `_` and `-` read as spaces.",
        examples=["metal nut"],
    )
    domain: Domain | None = Field(
        default=None, description="Which defects the prompts name; default `industrial`."
    )
    normal_states: _States | None = Field(
        default=None,
        description="Own phrases for a good object, each with one `{}` for it; default: the "
        "domain's.",
        examples=[["clean {}", "{} without rust"]],
    )
    abnormal_states: _States | None = Field(
        default=None,
        description="Own phrases for a defective object.",
        examples=[["rusty {}", "{} with rust"]],
    )
    rvs: RvsMethod | None = Field(
        default=None, description="How text vectors are chosen; default: as the service does."
    )
    alpha: Annotated[float, Field(ge=0.0001, le=0.5)] | None = Field(
        default=None, description="Wanted false-alarm rate; default 0.05."
    )
    roi: list[Any] | str | None = Field(default=None, description=_ROI)


class CalibrationState(BaseModel):
    """What one method's calibration is worth."""

    method: str
    state: Literal["none", "too_few", "outdated", "calibrated"] = Field(
        description="`outdated`: there are samples, but made with another model, other words or "
        "another region; they do not count until those are back."
    )
    reason: str = Field(description="The state in words.")
    n: int = Field(description="Good images that count.")
    repeated: int = Field(description=_REPEATED)
    outdated: int = Field(description="Good images that do not count any more.")
    needed: int = Field(description="Good images that alpha asks for.")
    calibrated: bool
    expected_rate: float | None = Field(
        description="False-alarm rate on average over calibrations: k/(n+1), k = floor(alpha(n+1))."
    )
    rate_95: float | None = Field(
        description="False-alarm rate not exceeded in 95 of 100 such calibrations."
    )
    anomaly_threshold: float | None
    map_threshold: float | None


class Resolution(BaseModel):
    """What can be seen of an image at all."""

    cells: int = Field(description="Cells of the map along a side of the image.")
    cell_share: float = Field(
        description="Share of a side that one cell covers: what is much smaller is not seen."
    )
    cell_width_px: float | None = Field(description="Of an image `width` pixels wide.")
    cell_height_px: float | None = Field(description="Of an image `height` pixels high.")


class CategoryView(BaseModel):
    """A category, and where it stands."""

    id: str
    registered: bool
    object: str
    domain: Domain
    normal_states: list[str] | None
    abnormal_states: list[str] | None
    rvs: RvsMethod | None
    alpha: float
    roi: list[Any] | str | None
    cached: bool = Field(description="Whether its texts are encoded, so that no image waits.")
    fingerprint: str
    calibrations: list[CalibrationState]
    resolution: Resolution


class CalibrationEntry(BaseModel):
    """One posted image: the sample it became, or a problem."""

    index: int
    filename: str | None
    sample: str | None = None
    problem: Problem | None = None


class CalibrationAnswer(BaseModel):
    """The calibration after this request, the default method's first, and each image's fate."""

    category: str
    alpha: float
    method: str
    n: int
    needed: int
    calibrated: bool
    expected_rate: float | None
    rate_95: float | None
    anomaly_threshold: float | None
    map_threshold: float | None
    repeated: int = Field(description=_REPEATED)
    added: int = Field(description="Samples that this request added.")
    failed: int = Field(
        description="Images of this request with a problem; nothing of them is kept."
    )
    calibrations: list[CalibrationState]
    entries: list[CalibrationEntry]


class SampleScoreView(BaseModel):
    """One method's figures of a sample, under the fingerprint they were made with."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")

    method: _Text
    fingerprint: _Text
    score: FiniteFloat
    map_max: FiniteFloat
    map_median: FiniteFloat


class SampleView(BaseModel):
    """A calibration image's scores; the image itself is not kept."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")

    id: str = Field(pattern="^[0-9a-f]{32}$")
    created: Annotated[AwareDatetime, AfterValidator(_as_utc)]
    image_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    filename: _Text | None
    scores: Annotated[list[SampleScoreView], Field(max_length=64)]


class SampleList(BaseModel):
    """All samples of a category."""

    category: str
    alpha: float
    calibrations: list[CalibrationState]
    samples: list[SampleView]


class CategoryFile(BaseModel):
    """A category with its calibration, to take to another machine."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["clip-ad category 1"] = "clip-ad category 1"
    id: str
    category: CategoryChange
    samples: list[SampleView]


class Removed(BaseModel):
    """How many samples were taken out."""

    removed: int
