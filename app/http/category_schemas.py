"""Categories and calibrations as they go over the wire."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from app.clipad.choices import RvsMethod
from app.clipad.prompts import Domain
from app.http.schemas import CATEGORY_RULES, Problem

# For the document alone, as `CATEGORY_RULES`: `app.clipad.prompts` checks.
_LINE = r"[^\x00-\x1f\x7f]*"
STATE_RULES = {"pattern": rf"^{_LINE}\{{\}}{_LINE}$"}
OBJECT_RULES = {"maxLength": 200, "pattern": rf"^\s*{_LINE}\s*$"}
_State = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200),
    Field(json_schema_extra=STATE_RULES),
]
_Text = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")]
_States = Annotated[list[_State], Field(min_length=1, max_length=50)]
# Not what can be read as one: true is no figure, and a number no time.
_Figure = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_REPEATED = (
    "How many of the `n` are the same file as an earlier one: such are not independent, and the "
    "stated rates then promise too much."
)
_Object = Annotated[str, Field(json_schema_extra=OBJECT_RULES)]
_ROI = (
    "Region of interest: a list of polygons, each a list of [x, y] as shares of the upright "
    "image's width and height in [0,1]; or a PNG mask in base64. Outside it the map counts neither "
    "for the score nor for regions; the text part still sees the whole picture."
)
_POINT = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": 1},
    "minItems": 2,
    "maxItems": 2,
}
_POLYGON = {"type": "array", "items": _POINT, "minItems": 3, "maxItems": 1000}
_POLYGONS = {"type": "array", "items": _POLYGON, "minItems": 1, "maxItems": 64}
_MASK = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}
# Read by `app.images.region`.
_Roi = Annotated[list[Any] | str, WithJsonSchema({"anyOf": [_POLYGONS, _POLYGON, _MASK]})]
_LEFT_HALF = [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]
_LOWER_HALF = (  # of 4 x 4 pixels
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAEAQAAAACBiqPTAAAAEElEQVR4nGNgYGBg+MDEAAAC3ADz"
    "2450nAAAAABJRU5ErkJggg=="
)


def _as_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from error


class CategoryChange(BaseModel):
    """What to change of a category. What is left out stays as it is, null is the default."""

    model_config = ConfigDict(extra="forbid")

    object: _Object | None = Field(
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
    alpha: Annotated[_Figure, Field(ge=0.0001, le=0.5)] | None = Field(
        default=None, description="Wanted false-alarm rate; default 0.05."
    )
    roi: _Roi | None = Field(default=None, description=_ROI, examples=[_LEFT_HALF, _LOWER_HALF])


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
    score: _Figure
    map_max: _Figure
    map_median: _Figure


class SampleView(BaseModel):
    """A calibration image's scores; the image itself is not kept."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")

    id: str = Field(pattern="^[0-9a-f]{32}$")
    created: Annotated[AwareDatetime, Field(strict=True), AfterValidator(_as_utc)]
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
    id: str = Field(json_schema_extra=CATEGORY_RULES)
    category: CategoryChange
    samples: list[SampleView]


class Removed(BaseModel):
    """How many samples were taken out."""

    removed: int
