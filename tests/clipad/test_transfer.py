"""Between CPU and GPU: what is asked of torch, told by tensors that only take notes."""

from typing import Any, cast

import torch
from torch import Tensor

from app.clipad.transfer import to_device, to_host

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


class NotedTensor:
    """Notes what is asked of it, in order."""

    device = CPU

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def pin_memory(self) -> "NotedTensor":
        self.asked.append(("pin",))
        return self

    def to(self, *where: Any, non_blocking: bool = False) -> "NotedTensor":
        self.asked.append((*where, "without waiting") if non_blocking else where)
        return self


def test_to_a_gpu_from_pinned_memory_and_converted_there() -> None:
    noted = NotedTensor()
    to_device(cast(Tensor, noted), CUDA, torch.bfloat16)
    assert noted.asked == [("pin",), (CUDA, "without waiting"), (torch.bfloat16,)]


def test_on_a_cpu_nothing_is_pinned() -> None:
    noted = NotedTensor()
    to_device(cast(Tensor, noted), CPU, torch.bfloat16)
    assert noted.asked == [(CPU, torch.bfloat16)]


def test_on_a_cpu_values_stay() -> None:
    values = torch.tensor([0.5, -2.0])
    assert torch.equal(to_device(values, CPU, torch.float32), values)
    assert all(map(torch.equal, to_host([values, values * 2]), [values, values * 2]))
    assert to_host([]) == []
