"""From names and paths to a detector: device and dtype chosen, weights loaded, parts joined.

Everything that can be wrong with a configuration shows here, as a ConfigurationError. Knows
nothing of settings: its arguments are plain values.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from app.clipad.backbone import load_backbone
from app.clipad.choices import Taps
from app.clipad.detector import AnomalyDetector
from app.clipad.heads_file import load_heads
from app.clipad.runtimes.model import Runtime
from app.clipad.runtimes.torch_runtime import TorchRuntime
from app.clipad.rvs import Rvs
from app.errors import ConfigurationError

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_TEXT_DIRECTORY = "text_features"


def build_detector(
    *,
    backbone: str,
    weights: str,
    heads: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    rvs: Rvs = Rvs(),  # noqa: B008 (frozen)
    taps: Taps | str | None = None,
    sigma: float | None = None,
    model_dir: Path,
    demo: bool = False,
    runtime: Runtime = TorchRuntime(),  # noqa: B008 (frozen)
    stages: Sequence[int] | None = None,
) -> AnomalyDetector:
    """Load a backbone and build its detector; all that can be wrong is a ConfigurationError.

    heads: path of linear heads, or None. device: `auto` (CUDA when present), `cpu`, `cuda` or
    `cuda:N`. dtype: `auto` or a torch dtype's name. taps and stages: None is what the heads were
    trained with, without heads `equation` and all. model_dir: where pretrained tags are fetched
    to and text features kept. runtime: what runs the image encoder.
    """
    chosen = resolve_device(device)
    # What is called float32 is float32: by default cuDNN would round convolutions' inputs to TF32.
    torch.backends.cudnn.allow_tf32 = False
    loaded = load_backbone(
        backbone, weights, device=chosen, dtype=resolve_dtype(dtype), cache_dir=model_dir
    )
    loaded_heads = load_heads(Path(heads), loaded) if heads else None
    if loaded_heads is not None:
        taps = taps or loaded_heads.notes.taps
        stages = stages or loaded_heads.notes.stages
    return AnomalyDetector(
        loaded,
        heads=loaded_heads,
        rvs=rvs,
        taps=taps or Taps.EQUATION,
        stages=stages,
        sigma=sigma,
        runtime=runtime,
        text_directory=model_dir / _TEXT_DIRECTORY,
        demo=demo,
    )


def resolve_device(device: str) -> torch.device:
    """`auto`, `cpu`, `cuda` or `cuda:N` -> a device that is there, or ConfigurationError."""
    available = torch.cuda.is_available()
    if device == "auto":
        return torch.device("cuda" if available else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ConfigurationError(f"device {device!r}: expected auto, cpu or cuda[:N]") from error
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ConfigurationError(
            f"device {device!r}: {torch.cuda.device_count()} CUDA devices present"
        )
    if chosen.type not in ("cpu", "cuda"):
        raise ConfigurationError(f"device {device!r}: expected auto, cpu or cuda[:N]")
    return chosen


def resolve_dtype(dtype: str) -> torch.dtype:
    """`auto` or `float32`, `float16`, `bfloat16` -> torch.dtype, or ConfigurationError."""
    if dtype == "auto":
        return torch.float32
    if dtype not in _DTYPES:
        raise ConfigurationError(f"dtype {dtype!r}: expected auto, {', '.join(_DTYPES)}")
    return _DTYPES[dtype]
