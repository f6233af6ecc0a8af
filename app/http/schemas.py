"""What goes over the wire, as pydantic models; the OpenAPI document is made of them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

Method = Literal["sdp", "sdp_plus"]
Label = Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
# For the document alone: `app.categories` checks, which can say what is wrong. Without `\p{L}`,
# which JavaScript reads as other letters unless told and Python does not know.
_CATEGORY = r"\s*[^\x00-\x1f\x21-\x2c\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]{1,64}\s*"
CATEGORY_RULES: dict[str, Any] = {"pattern": f"^{_CATEGORY}$"}
OPTIONAL_CATEGORY_RULES: dict[str, Any] = {"pattern": f"^({_CATEGORY})?$"}


class PredictOptions(BaseModel):
    """Everything a prediction request may say beside the image; an empty text counts as absent."""

    category: str | None = Field(
        default=None,
        description="What the line calls the part, e.g. `metal nut`. 1-64 characters: letters, "
        "digits, space, `_`, `-`, `.`; `metal_nut` is `Metal nut`. Required unless the service has "
        "a default.",
        examples=["metal nut"],
        json_schema_extra=CATEGORY_RULES,
    )
    method: Method | None = Field(
        default=None, description="`sdp` or `sdp_plus` (needs linear heads); default: see `/model`."
    )
    heatmap: Literal["overlay", "map", "none"] = Field(
        default="overlay", description="Colours over the image, colours alone, or none."
    )
    size: Literal["input", "model"] = Field(
        default="input",
        description="Size of the heatmap: the upright input's, capped by the service, or the "
        "model's own.",
    )
    part_id: Label | None = Field(default=None, description="Echoed and logged.")
    station: Label | None = Field(default=None, description="Echoed and logged.")

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: object, info: Any) -> object:
        if value == "":
            return cls.model_fields[info.field_name].default
        return value


class ScoreParts(BaseModel):
    """The two terms of the anomaly score."""

    text: float = Field(description="Probability of the defective description, in [0,1].")
    map: float = Field(description="Maximum of the anomaly map.")


class Region(BaseModel):
    """One connected area above the category's map threshold."""

    box: tuple[int, int, int, int] = Field(
        description="x0, y0, x1, y1 in pixels of the upright input, half open."
    )
    area: float = Field(description="Share of the image.")
    peak: float = Field(description="Highest anomaly value inside.")


class Heatmap(BaseModel):
    """A picture of the anomaly map."""

    media_type: Literal["image/png"] = "image/png"
    width: int
    height: int
    scale: Literal["per_image", "calibrated"] = Field(
        description="`calibrated`: fixed for the category, comparable between images; "
        "`per_image`: this map's own minimum and maximum."
    )
    low: float = Field(description="Anomaly value at the lower end of the colours.")
    high: float = Field(description="Anomaly value at the upper end of the colours.")
    data: str = Field(description="The PNG file, base64.")


class ModelSummary(BaseModel):
    """What computed a score."""

    model_config = ConfigDict(from_attributes=True)

    backbone: str
    weights_sha256: str
    heads_sha256: str | None
    rvs: str
    taps: str
    demo: bool = Field(description="Whether this is the embedded demo, not fit for inspection.")
    fingerprint: str = Field(
        description="sha256 over everything that moves a score: of a prediction the model's own "
        "with the category's prompts, rvs and region."
    )


class Timing(BaseModel):
    """Milliseconds per step."""

    decode: float
    queue: float
    model: float
    render: float
    total: float


class ImageSource(BaseModel):
    """The posted image as it was read."""

    model_config = ConfigDict(from_attributes=True)

    format: str = Field(description="By its content: PNG, JPEG, BMP, TIFF or WEBP.")
    width: int = Field(description="In pixels, after EXIF rotation; boxes are in these.")
    height: int
    first_of_several: bool = Field(
        description="Whether the file has more pages or frames, which were not looked at."
    )


class Prediction(BaseModel):
    """The answer to one image. Without a calibration nothing is decided: those fields are null."""

    request_id: str
    category: str
    object: str = Field(description="The words that stand for the category in the prompts.")
    method: str
    part_id: str | None
    station: str | None
    anomaly_score: float = Field(
        description="text + map, exactly; all three rounded to 1/2048. Higher is more anomalous."
    )
    score_parts: ScoreParts
    calibrated: bool
    anomaly_threshold: float | None
    is_anomalous: bool | None
    p_value: float | None
    map_threshold: float | None
    regions: list[Region]
    image: ImageSource
    heatmap: Heatmap | None
    model: ModelSummary
    timing_ms: Timing


class Problem(BaseModel):
    """An error, as in RFC 9457."""

    type: str = Field(description="What kind of problem; `about:blank` says no more than status.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked.")
    request_id: str
    errors: list[dict[str, Any]] | None = Field(
        default=None, description="Where several fields are wrong: each with `loc` and `msg`."
    )


class BatchEntry(BaseModel):
    """One image of a batch: a prediction or a problem, the other is null."""

    index: int
    filename: str | None
    prediction: Prediction | None = None
    problem: Problem | None = None


class ModelCard(ModelSummary):
    """Everything about the model being served."""

    runtime: str = Field(description="What runs the image encoder.")
    device: str
    dtype: str
    side: int = Field(description="S: images are resized to S x S.")
    patch: int
    embed_dim: int
    stages: list[int]
    sigma: float = Field(description="Of the map's Gaussian filter, in pixels of the S x S map.")
    methods: list[str]
    default_method: str
    version: str


class Status(BaseModel):
    """How the process is."""

    status: str
