"""A file of linear heads: what is written in it, and for which backbone it may be used.

Heads fit one set of weights, read at certain stages by certain taps; all of that stands in the
file's metadata and is compared when it is loaded. Published `.pth` files, which hold
`{"linear_layers": {"fc.0.weight", "fc.0.bias", ...}}` and nothing else, are taken as trained with
the released implementation: taps `released`, all four stages.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from app.clipad.backbone import Backbone
from app.clipad.checkpoint import file_sha256, read_notes, read_state_dict
from app.clipad.choices import METHODS, Taps
from app.clipad.dual_path import dual_path
from app.clipad.heads import LinearHeads
from app.clipad.sdp import STAGE_COUNT
from app.errors import BackboneError, HeadsError, WeightsError

FORMAT = "clip-ad heads 1"
_PUBLISHED = "linear_layers"
_WHAT = "heads"


@dataclass(frozen=True)
class HeadsNotes:
    """What is known of heads beside their weights.

    backbone and weights_sha256: what they were trained on; None in a published file, which does
    not say. stages (numbered from 1) end at the layers stage_ends. recommended: the method an
    evaluation found better. training: data and options; figures: what was measured; both free.
    """

    backbone: str | None
    weights_sha256: str | None
    stages: tuple[int, ...]
    stage_ends: tuple[int, ...]
    taps: Taps
    depth: int = 1
    relu: bool = False
    recommended: str = "sdp"
    created: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


def _text(value: str | None) -> str:
    if value is None:
        raise ValueError("it is missing")
    return value


def _numbers(value: str) -> tuple[int, ...]:
    return tuple(int(number) for number in json.loads(value))


def _method(value: str) -> str:
    if value not in METHODS:
        raise ValueError(f"expected one of {', '.join(METHODS)}")
    return value


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "backbone": _text,
    "weights_sha256": _text,
    "stages": _numbers,
    "stage_ends": _numbers,
    "taps": Taps,
    "depth": int,
    "relu": json.loads,
    "recommended": _method,
    "created": _text,
    "training": lambda value: dict(json.loads(value)),
    "figures": lambda value: dict(json.loads(value)),
}
"""How each of HeadsNotes' fields is read from the file's metadata, which holds texts alone."""


@dataclass(frozen=True)
class HeadsFile:
    """Heads as loaded: frozen, in eval mode, on the backbone's device, float32."""

    path: Path
    heads: LinearHeads
    notes: HeadsNotes
    sha256: str


def save_heads(path: Path, heads: LinearHeads, notes: HeadsNotes) -> None:
    """Write a .safetensors file with its metadata, whole or not at all."""
    tensors = {key: value.detach().cpu().contiguous() for key, value in heads.state_dict().items()}
    metadata = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in asdict(notes).items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    save_file(tensors, partial, {"format": FORMAT, **metadata})
    partial.chmod(0o644)
    os.replace(partial, path)


def load_heads(path: Path, backbone: Backbone) -> HeadsFile:
    """Heads for this backbone; see the module for what a file may be.

    Raises HeadsError for a file that is missing, unreadable or no heads, and for heads made for
    other weights, widths or stages, naming both.
    """
    try:
        tensors = read_state_dict(path, what=_WHAT, within=_PUBLISHED)
        notes = _notes(path)
    except WeightsError as error:
        raise HeadsError(str(error)) from error
    if notes.weights_sha256 not in (None, backbone.weights_sha256):
        raise HeadsError(
            f"heads {path}: made for backbone {notes.backbone} with weights "
            f"{_short(notes.weights_sha256)}; loaded is {backbone.name} with weights "
            f"{_short(backbone.weights_sha256)}"
        )
    heads = _fitting(path, notes, backbone)
    _fill(path, heads, tensors, backbone)
    heads.eval().requires_grad_(False).to(backbone.device)
    return HeadsFile(path, heads, notes, file_sha256(path))


def _notes(path: Path) -> HeadsNotes:
    if path.suffix != ".safetensors":
        stages = tuple(range(1, STAGE_COUNT + 1))
        return HeadsNotes(None, None, stages, (), Taps.RELEASED)
    found = read_notes(path, what=_WHAT)
    if found.get("format") != FORMAT:
        raise HeadsError(
            f"heads {path}: its format is {found.get('format')!r}; expected {FORMAT!r}, as "
            "scripts/train_heads writes it"
        )
    return HeadsNotes(**{key: _parsed(path, found, key) for key in _PARSERS})


def _parsed(path: Path, found: Mapping[str, str], key: str) -> Any:
    text = found.get(key)
    try:
        return _PARSERS[key](text)
    except (TypeError, ValueError) as error:
        raise HeadsError(
            f"heads {path}: metadata {key!r} is {text!r} and cannot be read ({error})"
        ) from error


def _fitting(path: Path, notes: HeadsNotes, backbone: Backbone) -> LinearHeads:
    """Untrained heads of the shapes that the notes and the backbone ask for."""
    try:
        tower = dual_path(backbone.model.visual, notes.taps, notes.stages)
    except BackboneError as error:
        raise HeadsError(f"heads {path}: {error}") from error
    if notes.stage_ends and notes.stage_ends != tower.stage_ends:
        raise HeadsError(
            f"heads {path}: made for stages ending at layers {_listed(notes.stage_ends)}; those "
            f"of backbone {backbone.name} end at {_listed(tower.stage_ends)}"
        )
    return LinearHeads(tower.widths, backbone.embed_dim, notes.depth, notes.relu)


def _fill(
    path: Path, heads: LinearHeads, tensors: Mapping[str, Tensor], backbone: Backbone
) -> None:
    expected = heads.state_dict()
    if tensors.keys() != expected.keys():
        raise HeadsError(
            f"heads {path}: hold {_listed(sorted(tensors))}; for backbone {backbone.name} "
            f"expected {_listed(sorted(expected))}"
        )
    for key, tensor in tensors.items():
        if tensor.shape != expected[key].shape:
            raise HeadsError(
                f"heads {path}: {key} has shape {tuple(tensor.shape)}; for backbone "
                f"{backbone.name} (width {_listed(sorted(set(heads.widths)))}, embedding "
                f"{heads.embed_dim}) expected {tuple(expected[key].shape)}"
            )
        if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
            raise HeadsError(f"heads {path}: {key} holds values that are not finite numbers")
    heads.load_state_dict(dict(tensors))


def _listed(values: Any) -> str:
    return ", ".join(map(str, values)) or "nothing"


def _short(digest: str | None) -> str:
    return (digest or "")[:12] + "..."
