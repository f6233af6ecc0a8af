"""A frozen open_clip model: the one place where a config and its weights meet.

Takes any CLIP of open_clip's own ViT or ResNet, by model name or config file, and refuses what it
cannot vouch for: random or incomplete weights, another shape, another activation function.
Knows nothing of prompts, stages or images beyond their side, mean and std.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import (
    CLIP,
    CustomTextCLIP,
    convert_to_custom_text_state_dict,
    convert_weights_to_lp,
)
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from app.clipad.checkpoint import SUFFIXES, file_sha256, read_notes, read_state_dict
from app.clipad.hub import fetch
from app.clipad.model_config import check_towers, config_name, is_config_path, read_config
from app.errors import BackboneError, WeightsError

_IGNORED_KEYS = ("attn_mask", "text.attn_mask", "input_resolution", "context_length", "vocab_size")
_QUICKGELU = "-quickgelu"
_Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Backbone:
    """A loaded CLIP, frozen and in eval mode. Images are [B,3,side,side], (x - mean) / std."""

    name: str
    model: CLIP | CustomTextCLIP
    tokenizer: SimpleTokenizer
    side: int
    mean: _Triple
    std: _Triple
    weights_sha256: str
    config_sha256: str
    device: torch.device
    dtype: torch.dtype
    embed_dim: int

    @property
    def digest(self) -> str:
        """sha256 over all that moves a feature: weights, config and number format."""
        parts = json.dumps([self.weights_sha256, self.config_sha256, str(self.dtype)])
        return hashlib.sha256(parts.encode()).hexdigest()


def load_backbone(
    name: str,
    weights: str,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    cache_dir: Path | None = None,
) -> Backbone:
    """Load and freeze a CLIP.

    name: an open_clip model name, or the path of a config JSON. weights: the path of a
    .safetensors or torch file, or a pretrained tag of that model, which is looked for and
    otherwise fetched into `cache_dir`. Raises BackboneError or WeightsError, in one line.
    """
    config, preprocessing = read_config(name)
    check_towers(name, config)
    path, facts = _find_weights(name, weights, config, cache_dir)
    facts = {**preprocessing, **facts}
    _check_activation(name, weights, config, facts)
    model = _build(name, config, dtype)
    _load(model, path, name)
    if dtype is not torch.float32:
        convert_weights_to_lp(model, dtype)
    model.eval().requires_grad_(False).to(device)
    side = config["vision_cfg"].get("image_size", 224)
    return Backbone(
        name=config_name(Path(name)) if is_config_path(name) else name,
        model=model,
        tokenizer=_tokenizer(name, config, model),
        side=int(side),
        mean=_triple("mean", facts.get("mean"), open_clip.OPENAI_DATASET_MEAN),
        std=_triple("std", facts.get("std"), open_clip.OPENAI_DATASET_STD),
        weights_sha256=file_sha256(path),
        config_sha256=hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest(),
        device=torch.device(device),
        dtype=dtype,
        embed_dim=int(config["embed_dim"]),
    )


def _tokenizer(
    name: str, config: Mapping[str, Any], model: CLIP | CustomTextCLIP
) -> SimpleTokenizer:
    text = config["text_cfg"]
    try:
        tokenizer = SimpleTokenizer(
            context_length=model.context_length, **text.get("tokenizer_kwargs", {})
        )
    except TypeError as error:
        raise BackboneError(
            f"backbone {name}: tokenizer_kwargs are not CLIP's ({error})"
        ) from error
    if model.vocab_size < tokenizer.vocab_size:
        raise BackboneError(
            f"backbone {name}: vocab_size {model.vocab_size}; CLIP's tokenizer needs "
            f"{tokenizer.vocab_size}"
        )
    return tokenizer


def _find_weights(
    name: str, weights: str, config: Mapping[str, Any], cache_dir: Path | None
) -> tuple[Path, dict[str, Any]]:
    """The weights file and what is known of it: quick_gelu, mean, std."""
    if not weights:
        raise WeightsError(
            f"backbone {name}: no weights given; expected a file or a pretrained tag "
            "(random weights are never served)"
        )
    path = Path(weights)
    if path.suffix in SUFFIXES or path.exists() or is_config_path(name):
        if not path.is_file():
            raise WeightsError(f"weights {weights}: no such file")
        return path, {**_published_facts(name, path), **read_notes(path)}
    facts = open_clip.get_pretrained_cfg(name, weights)
    if not facts:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise WeightsError(
            f"weights {weights!r} of {name}: no such file or pretrained tag; known tags: {tags}"
        )
    _check_activation(name, weights, config, facts)  # before a long download
    return fetch(name, weights, cache_dir or Path("model_weights")), facts


def _published_facts(name: str, path: Path) -> dict[str, Any]:
    """What open_clip knows of a published file of this model, told by its name or its hash."""
    digest: str | None = None
    base = name.removesuffix(_QUICKGELU)
    models = (base, base + _QUICKGELU)  # the two that a mismatch would confuse
    for model, tag in ((m, t) for m in models for t in open_clip.list_pretrained_tags_by_model(m)):
        facts = open_clip.get_pretrained_cfg(model, tag)
        if f"-{tag}" in path.stem or path.stem == tag:
            return dict(facts)
        published = Path(facts.get("url", "")).stem.rpartition("-")[2]
        if len(published) == 8:  # open_clip's own releases carry the start of their sha256
            digest = digest or file_sha256(path)
            if digest.startswith(published):
                return dict(facts)
    return {}


def _check_activation(
    name: str, weights: str, config: Mapping[str, Any], facts: Mapping[str, Any]
) -> None:
    """Weights trained with QuickGELU give wrong features under GELU, and the other way round."""
    known = bool(facts.keys() & {"quick_gelu", "url", "hf_hub"})
    trained = str(facts.get("quick_gelu", False)).lower() == "true"
    built = bool(config.get("quick_gelu", False))
    if known and trained != built:
        other = name + _QUICKGELU if trained else name.removesuffix(_QUICKGELU)
        expected = (
            f"set quick_gelu to {str(trained).lower()} in it"
            if is_config_path(name)
            else f"use {other}"
        )
        activations = {True: "QuickGELU", False: "GELU"}
        raise BackboneError(
            f"backbone {name} computes {activations[built]}, its weights {weights} were trained "
            f"with {activations[trained]}: {expected}"
        )


def _build(name: str, config: Mapping[str, Any], dtype: torch.dtype) -> CLIP | CustomTextCLIP:
    options = {key: value for key, value in config.items() if key != "custom_text"}
    kind = CustomTextCLIP if config.get("custom_text") else CLIP
    try:
        return kind(**options, cast_dtype=None if dtype is torch.float32 else dtype)
    except Exception as error:  # nearly anything, for values of a wrong kind
        raise BackboneError(f"backbone {name}: open_clip cannot build it ({error})") from error


def _load(model: CLIP | CustomTextCLIP, path: Path, name: str) -> None:
    state = read_state_dict(path)
    state = {key: tensor for key, tensor in state.items() if key not in _IGNORED_KEYS}
    if isinstance(model, CustomTextCLIP):
        state = convert_to_custom_text_state_dict(state)
    _check_fit(model.state_dict(), state, path, name)
    model.load_state_dict(state, strict=False)  # strictness with clearer words, just above


def _check_fit(
    expected: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path, name: str
) -> None:
    # Batch counters of a ResNet matter to training alone, and many published files lack them.
    missing = sorted(
        key for key in expected.keys() - state.keys() if not key.endswith("num_batches_tracked")
    )
    unknown = sorted(state.keys() - expected.keys())
    for what, keys in (("lacks", missing), ("has unknown", unknown)):
        if keys:
            raise WeightsError(
                f"weights {path} {what} {keys[0]!r} (and {len(keys) - 1} more): not weights of "
                f"backbone {name}"
            )
    for key, tensor in state.items():
        if tensor.shape != expected[key].shape:
            raise WeightsError(
                f"weights {path}: {key} has shape {tuple(tensor.shape)}, backbone {name} expects "
                f"{tuple(expected[key].shape)}"
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise WeightsError(f"weights {path}: {key} holds values that are not finite")


def _triple(what: str, value: Any, default: _Triple) -> _Triple:
    if value is None:
        return default
    try:
        # safetensors metadata holds strings alone
        red, green, blue = map(float, json.loads(value) if isinstance(value, str) else value)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"preprocessing {what} {value!r}: expected three numbers") from error
    return red, green, blue
