"""The parity data as the tests use it: folders, expected tensors, loaded backbones.

Lives beside the fakes so that tests of any floor may ask for a tiny real model.
"""

from functools import cache
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from app.clipad.backbone import Backbone, load_backbone

FOLDER = Path(__file__).parent / "data" / "parity"
MODELS = ("tiny-vit", "tiny-resnet")
OBJECTS = ("metal nut", "carpet")


def taps_of(model: str) -> tuple[str, ...]:
    """The taps for which a model has expected outputs."""
    return ("equation", "released") if model == "tiny-vit" else ("released",)


def files(model: str) -> tuple[str, str]:
    """Config and weights of a model, as `load_backbone` takes them."""
    return str(FOLDER / model / "config.json"), str(FOLDER / model / "weights.safetensors")


@cache
def expected(model: str) -> dict[str, Tensor]:
    """What the released implementation computes with a model."""
    return load_file(FOLDER / model / "expected.safetensors")


@cache
def backbone(model: str) -> Backbone:
    """A model, loaded as the project loads any; shared, for nothing may change it."""
    return load_backbone(*files(model))
