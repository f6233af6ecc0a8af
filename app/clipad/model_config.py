"""A model config: an open_clip model's shape, by name or from a JSON file, and what it must be.

Knows nothing of weights; `backbone.py` is where the two meet.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip

from app.errors import BackboneError


def is_config_path(name: str) -> bool:
    """Whether a backbone is given by a config file and not by an open_clip model name."""
    return name.endswith(".json")


def config_name(path: Path) -> str:
    """`tiny` for tiny.json and for tiny/config.json."""
    return path.resolve().parent.name if path.stem.endswith("config") else path.stem


def read_config(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model config and, where its file has one, the preprocessing that goes with it.

    Raises BackboneError for an unknown name, and for a file that is no model config.
    """
    if not is_config_path(name):
        config = open_clip.get_model_config(name) if name in open_clip.list_models() else None
        if config is None:
            raise BackboneError(
                f"backbone {name!r}: expected an open_clip model name such as ViT-B-16-plus-240, "
                "or the path of a config .json"
            )
        return config, {}
    try:
        whole = json.loads(Path(name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BackboneError(f"backbone config {name}: not readable as JSON ({error})") from error
    if not isinstance(whole, dict):
        raise BackboneError(f"backbone config {name}: expected a JSON object")
    config = _member(name, whole, "model_cfg", dict) if "model_cfg" in whole else whole
    preprocessing = whole.get("preprocess_cfg") or {}
    for key, kind in (("embed_dim", int), ("vision_cfg", dict), ("text_cfg", dict)):
        _member(name, config, key, kind)
    return config, {key: preprocessing[key] for key in ("mean", "std") if key in preprocessing}


def _member(name: str, config: Mapping[str, Any], key: str, kind: type) -> Any:
    if not isinstance(config.get(key), kind):
        expected = "an object" if kind is dict else "a whole number"
        raise BackboneError(
            f"backbone config {name}: {key!r} is {config.get(key)!r}; expected {expected}"
        )
    return config[key]


def check_towers(name: str, config: Mapping[str, Any]) -> None:
    """Refuse towers that are not CLIP's own, with BackboneError.

    Before anything is built: others would reach for the network or for other libraries.
    """
    timm = config["vision_cfg"].get("timm_model_name")
    if timm:
        raise BackboneError(f"backbone {name}: image tower {timm!r} of timm; expected CLIP's own")
    text = config["text_cfg"].get("hf_model_name") or config["text_cfg"].get("hf_tokenizer_name")
    if text or "multimodal_cfg" in config:
        raise BackboneError(
            f"backbone {name}: text tower or tokenizer {text or 'of CoCa'!r}; expected CLIP's own"
        )
    if not isinstance(config["vision_cfg"].get("image_size", 224), int):
        raise BackboneError(
            f"backbone {name}: image_size {config['vision_cfg']['image_size']}; expected a square"
        )
