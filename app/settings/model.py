"""Every setting, with its default and its words in docs/settings.md."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.clipad.choices import (
    Compilation,
    DtypeName,
    MethodName,
    RuntimeName,
    RvsMethod,
    Taps,
)
from app.heatmap import ColourMap
from app.logs import LogFormat

PREFIX = "CLIPAD_"
ENV_FILE = ".env"
ENV_ENCODING = "utf-8-sig"  # Windows begins a text with a mark of its encoding
PROJECT = Path(__file__).resolve().parent.parent.parent
MODEL_DIR = PROJECT / "model_weights"
DATA_DIR = PROJECT / "data"
DEMO_BACKBONE = MODEL_DIR / "demo" / "config.json"
DEMO_WEIGHTS = MODEL_DIR / "demo" / "weights.safetensors"
DEMO_HEADS = MODEL_DIR / "demo" / "heads.safetensors"
SAMPLES = MODEL_DIR / "demo" / "samples"
MEBIBYTE = 1024 * 1024

# The settings that are, or may be, a path. So may DATABASE_URL hold one: that is a URL.
PATHS = (
    *("backbone", "weights", "heads", "int8_pictures"),
    *("model_dir", "data_dir", "api_keys_file"),
)

Positive = Annotated[int, Field(gt=0)]


def expanded(value: object) -> object:
    """A path's leading `~` or `~user` as that home; anything else as it is.

    Raises ValueError for a home that there is not: a folder of that name would be made unseen.
    """
    if not isinstance(value, str | Path) or not str(value).startswith("~"):
        return value
    try:
        home = Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"a user's home, or ./{value} for what is called so") from error
    return home if isinstance(value, Path) else str(home)


class Settings(BaseSettings):
    """Every setting with its default; immutable once made."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding=ENV_ENCODING,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    backbone: str = Field(
        default=str(DEMO_BACKBONE),
        description="open_clip model name, or the path of a model config JSON; default: the "
        "embedded demo. Set it together with WEIGHTS.",
    )
    weights: str = Field(
        default=str(DEMO_WEIGHTS),
        description="Path of the backbone's weights (.safetensors or .pt), or a pretrained tag "
        "of open_clip; default: the embedded demo. Set it together with BACKBONE.",
    )
    heads: str | None = Field(
        default=None,
        description="Path of linear heads for sdp_plus (.safetensors of scripts/train_heads, or a "
        "published .pth); unset: the demo's own with the demo backbone, otherwise none; empty: "
        "none.",
    )
    method: MethodName | None = Field(
        default=None,
        description="Method of a request that names none; default: what the loaded heads "
        "recommend, else sdp.",
    )
    device: str = Field(
        default="auto", description="auto (CUDA when present), cpu, cuda or cuda:N."
    )
    runtime: RuntimeName = Field(
        default="torch",
        description="What runs the image encoder: torch, or on CPUs, faster, openvino (needs the "
        "extra of that name).",
    )
    dtype: DtypeName = Field(
        default="auto",
        description="Number format of the image encoder; auto is float32. float16: on a GPU "
        "alone; int8: with RUNTIME=openvino alone, where it is the fastest by far and moves "
        "scores a little.",
    )
    int8_pictures: Path | None = Field(
        default=None,
        description="Folder of typical pictures, defective ones too, that int8 is fitted to (64 "
        "of them at most); default: generated surfaces.",
    )
    compile: Compilation = Field(
        default=Compilation.OFF,
        description="Whether torch compiles the encoder: off, on, or cuda_graphs (on, and each "
        "batch one launch). Needs a C++ compiler; every batch size is compiled before the start "
        "is over.",
    )
    rvs: RvsMethod = Field(
        default=RvsMethod.DBSCAN,
        description="How one vector is chosen from the prompts: mean, pca, kde, dbscan or "
        "mean_shift.",
    )
    dbscan_eps: float = Field(
        default=0.5,
        gt=0,
        description="DBSCAN's radius, where RVS or a category's own rvs is dbscan.",
    )
    dbscan_min_samples: Positive = Field(
        default=15, description="DBSCAN's smallest cluster, likewise."
    )
    taps: Taps | None = Field(
        default=None,
        description="Where stage features are taken: equation (as published) or released (needed "
        "by heads trained with the released code); default: what the heads were trained with, "
        "without heads equation.",
    )
    smoothing_sigma: float | None = Field(
        default=None,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="Gaussian filter of the anomaly map, in pixels of the S x S map; default: "
        "8 at S = 240, scaled with S; 0 switches it off.",
    )
    model_dir: Path = Field(
        default=MODEL_DIR, description="Folder of fetched weights and of the text features' cache."
    )
    data_dir: Path = Field(
        default=DATA_DIR,
        description="Folder of the database, unless DATABASE_URL names another, and of the "
        "pictures of a calibration until they are measured; keep it on a volume of its own.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="Where categories, calibrations and the inspection log are kept: "
        "postgresql://USER:PASSWORD@HOST/DATABASE (needs the extra `postgres`), or "
        "sqlite:///FILE; default: SQLite in DATA_DIR.",
    )
    log_days: float = Field(
        default=90.0,
        ge=0,
        le=36_500,
        allow_inf_nan=False,
        description="Days the inspection log goes back at most; 0: no limit by age.",
    )
    log_rows: int = Field(
        default=1_000_000,
        ge=0,
        description="Lines the inspection log holds at most; 0: this server writes none, and "
        "removes none of those that are there.",
    )
    log_format: LogFormat = Field(
        default="line", description="What the process writes to stderr: line, or json for machines."
    )
    default_category: str | None = Field(
        default=None,
        description="Category of a request that names none; default: a category is required.",
    )
    allow_new_categories: bool = Field(
        default=True,
        description="Whether /predict takes any category as its own object; false answers 404 to "
        "all but DEFAULT_CATEGORY and the registered ones.",
    )
    max_new_categories_per_minute: Positive = Field(
        default=60,
        description="Objects encoded for the first time per minute; more are answered 429.",
    )
    max_batch: Positive = Field(default=8, description="Images computed together at most.")
    max_wait_ms: float = Field(
        default=5.0,
        ge=0,
        description="Milliseconds a waiting image may wait for company; none when the model is "
        "idle.",
    )
    queue_capacity: Positive = Field(
        default=64,
        description="Images waiting for the model at most; more are answered 429. Together with "
        "MAX_BATCH it also bounds the images that requests under way hold in memory.",
    )
    request_timeout_s: float = Field(
        default=30.0, gt=0, description="Seconds until a request is given up with 504."
    )
    model_timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds one batch may take; a model that takes longer is taken to hang, and "
        "the process ends so that another is started.",
    )
    max_upload_bytes: Positive = Field(
        default=20 * MEBIBYTE,
        description="Bytes of one posted image at most; more are answered 413.",
    )
    max_pixels: Positive = Field(
        default=50_000_000,
        # Where Pillow by default refuses a picture as a decompression bomb: 0.5 GB as RGB.
        le=178_956_970,
        description="Pixels of one image at most, judged from its header; more are answered 413.",
    )
    max_images: Positive = Field(
        default=32,
        description="Images of one /predict/batch at most. While it runs, a batch takes so many "
        "places of those that QUEUE_CAPACITY and MAX_BATCH make up, all of them where there are "
        "fewer.",
    )
    max_calibration_images: Positive = Field(
        default=256,
        description="Images of one calibration request at most. They wait on the disk of DATA_DIR, "
        "of four requests at once; a request takes two places of those that QUEUE_CAPACITY and "
        "MAX_BATCH make up.",
    )
    max_heatmap_side: Positive = Field(
        default=2048, description="Longer side of a heatmap in pixels at most."
    )
    colour_map: ColourMap = Field(
        default="inferno",
        description="Colours of heatmaps, perceptually uniform and safe for colour-blind "
        "eyes: inferno, magma, plasma, viridis, cividis or batlow.",
    )
    api_keys: SecretStr | None = Field(
        default=None,
        description="API keys, separated by commas; default: none are asked for.",
    )
    api_keys_file: Path | None = Field(
        default=None,
        description="File with one API key per line (`#` starts a comment line); read again "
        "when it changes.",
    )
    threads: Positive | None = Field(
        default=None,
        description="CPU threads of one computation; default: the CPUs this process may use, "
        "beyond 8 less an eighth of them (4 at most) for those who decode and answer.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on; --host overrides it.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; --port overrides it."
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, given: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in given.items() if value != "" or name == "heads"}

    @model_validator(mode="after")
    def _backbone_and_weights_belong_together(self) -> "Settings":
        given = {"backbone", "weights"} & self.model_fields_set
        if len(given) == 1:
            (present,) = given
            (absent,) = {"backbone", "weights"} - given
            raise ValueError(
                f"{PREFIX}{absent.upper()}: is not set, but {PREFIX}{present.upper()} is; "
                "expected both or neither (neither is the demo)"
            )
        return self

    @field_validator(*PATHS, mode="before")
    @classmethod
    def _home(cls, value: object) -> object:
        return expanded(value)

    @field_validator("rvs", "taps", "compile", mode="before")
    @classmethod
    def _words_in_any_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @property
    def demo(self) -> bool:
        """Whether the embedded demo backbone is the one in use."""
        given = (Path(self.backbone).resolve(), Path(self.weights).resolve())
        return given == (DEMO_BACKBONE.resolve(), DEMO_WEIGHTS.resolve())

    @property
    def database(self) -> str | Path:
        """The database's URL, or SQLite's file."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return self.data_dir.resolve() / "clip-ad.db"

    @property
    def heads_in_use(self) -> str | None:
        """Path of the heads to load, or None."""
        if self.heads is None:
            return str(DEMO_HEADS) if self.demo else None
        return self.heads or None
