"""A weights file on disk: reading it without running code, its sha256, what it says of itself.

Knows nothing of architectures: `backbone.py` is where weights meet a config.
"""

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from app.errors import WeightsError

_TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
SUFFIXES = (".safetensors", *_TORCH_SUFFIXES)


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_state_dict(
    path: Path, *, what: str = "weights", within: str = "state_dict"
) -> dict[str, Tensor]:
    """Tensors by name from a .safetensors file or a torch checkpoint of plain tensors.

    Torch files are read with `weights_only=True`: no code in them runs. A dict under `within` is
    unwrapped and a `module.` prefix dropped. Raises WeightsError for a file that is missing,
    unreadable or of another kind; `what` is what its message calls the file.
    """
    if not path.is_file():
        raise WeightsError(f"{what} {path}: no such file")
    if path.suffix not in SUFFIXES:
        raise WeightsError(f"{what} {path}: expected a file ending in {', '.join(SUFFIXES)}")
    if path.suffix == ".safetensors":
        tensors = _read_safetensors(path, what)
    else:
        tensors = _read_torch(path, what, within)
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def read_notes(path: Path, *, what: str = "weights") -> dict[str, Any]:
    """What is written about a weights file: its safetensors metadata, then `FILE.json` beside it.

    Keys of interest are `quick_gelu`, `mean` and `std`; a file without notes gives {}.
    """
    notes: dict[str, Any] = {}
    if path.suffix == ".safetensors":
        with _opened(path, what) as file:
            notes.update(file.metadata() or {})
    sidecar = path.with_name(path.name + ".json")
    if sidecar.is_file():
        try:
            written = json.loads(sidecar.read_text("utf-8"))
        except ValueError as error:
            raise WeightsError(f"notes {sidecar}: not valid JSON ({error})") from error
        if not isinstance(written, dict):
            raise WeightsError(f"notes {sidecar}: expected a JSON object")
        notes.update(written)
    return notes


def _opened(path: Path, what: str) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{what} {path}: not a readable safetensors file ({error})") from error


def _read_safetensors(path: Path, what: str) -> dict[str, Tensor]:
    with _opened(path, what) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)


def _read_torch(path: Path, what: str, within: str) -> dict[str, Tensor]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own words are advice to run what is in the file.
        raise WeightsError(
            f"{what} {path}: not a torch checkpoint of plain tensors: it is damaged, or holds "
            "what might run code; convert it to safetensors"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"{what} {path}: not a torch checkpoint of plain tensors ({reason}); TorchScript "
            "archives are refused, convert them to safetensors"
        ) from error
    if isinstance(loaded, dict) and isinstance(loaded.get(within), dict):
        loaded = loaded[within]
    if not isinstance(loaded, dict) or not all(isinstance(t, Tensor) for t in loaded.values()):
        raise WeightsError(f"{what} {path}: expected a dict of tensors by name")
    return loaded
