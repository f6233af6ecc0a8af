"""The encoder run by torch: as it is, or compiled by `torch.compile`.

A compiled encoder runs at a few batch sizes alone, powers of two: each is compiled (and, with
CUDA graphs, recorded) when it is first met, and other batches are filled up with empty images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from app.clipad.backbone import Backbone
from app.clipad.choices import Compilation
from app.clipad.dual_path import DualPath
from app.clipad.runtimes.model import PLAIN, RuntimeInfo
from app.clipad.sdp import StageTokens
from app.clipad.transfer import to_device

_MODES = {Compilation.ON: "default", Compilation.CUDA_GRAPHS: "reduce-overhead"}


@dataclass(frozen=True)
class TorchRuntime:
    """Runs on the backbone's own device, in its own number format."""

    compilation: Compilation = Compilation.OFF

    def encoder(self, backbone: Backbone, path: DualPath, *, original: bool) -> "TorchEncoder":
        """`original` makes no difference: torch can do both."""
        return TorchEncoder(backbone, path, self.compilation)


class TorchEncoder:
    """See `StageEncoder`."""

    def __init__(self, backbone: Backbone, path: DualPath, compilation: Compilation) -> None:
        dtype = str(backbone.dtype).removeprefix("torch.")
        compiled = compilation is not Compilation.OFF
        self.device = backbone.device
        self.info = RuntimeInfo("torch-compiled" if compiled else PLAIN, dtype)
        self._dtype = backbone.dtype
        self._compiled = compiled
        self._run: Callable[..., StageTokens] = path
        if compiled:
            self._run = torch.compile(path, mode=_MODES[compilation], dynamic=False)

    def __call__(self, images: Tensor, *, original: bool) -> StageTokens:
        moved = to_device(images, self.device, self._dtype)
        if not self._compiled:
            return self._run(moved, original=original)
        count = len(moved)
        filled = torch.cat([moved, moved.new_zeros(_size(count) - count, *moved.shape[1:])])
        tokens = self._run(filled, original=original)
        return StageTokens(
            tuple(stage[:count] for stage in tokens.surgery),
            tuple(stage[:count] for stage in tokens.original),
        )


def _size(count: int) -> int:
    """The next power of two: what a batch of so many images is filled up to."""
    return 1 << (count - 1).bit_length()
