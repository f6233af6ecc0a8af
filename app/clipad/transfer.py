"""Tensors between the CPU's memory and a GPU's, without waiting where that is possible.

Pinned memory lets a GPU copy while the CPU goes on; of the results all are asked for before the
first is waited for. On a CPU both functions are plain conversions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A CPU tensor on the device in that dtype; converted there, where it is quicker."""
    if device.type != "cuda":
        return tensor.to(device, dtype)
    return tensor.pin_memory().to(device, non_blocking=True).to(dtype)


def to_host(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors of one device, on the CPU and complete."""
    if not tensors or tensors[0].device.type != "cuda":
        return [tensor.cpu() for tensor in tensors]
    copies = [
        torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(
            tensor, non_blocking=True
        )
        for tensor in tensors
    ]
    torch.cuda.current_stream(tensors[0].device).synchronize()
    return copies
