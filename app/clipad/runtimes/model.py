"""What a detector needs of a runtime. Knows no runtime in particular."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from app.clipad.backbone import Backbone
from app.clipad.dual_path import DualPath
from app.clipad.sdp import StageTokens

PLAIN = "torch"
"""Name of the runtime that takes any batch size without preparing it."""


@dataclass(frozen=True)
class RuntimeInfo:
    """name and dtype: what computes, in which number format. artefact_sha256: of a model made
    beforehand whose making moves a score (int8), else None.
    """

    name: str
    dtype: str
    artefact_sha256: str | None = None


class StageEncoder(Protocol):
    """Preprocessed float32 images [B,3,S,S] on the CPU -> StageTokens on `device`.

    Without `original` those tokens may be left out. From one thread at a time.
    """

    info: RuntimeInfo
    device: torch.device

    def __call__(self, images: Tensor, *, original: bool) -> StageTokens: ...


class Pictures(Protocol):
    """Typical pictures, to see the range of every activation by; digest: of what they are."""

    @property
    def digest(self) -> str: ...

    def tensors(self, side: int, mean: Sequence[float], std: Sequence[float]) -> Iterable[Tensor]:
        """Preprocessed images [1,3,S,S]."""
        ...


class Runtime(Protocol):
    """Makes the stage encoder of a backbone."""

    def encoder(self, backbone: Backbone, path: DualPath, *, original: bool) -> StageEncoder:
        """original: whether the original path's tokens will ever be asked for (by heads)."""
        ...
