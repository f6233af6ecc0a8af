"""Torch's own runtime: plain, and compiled at a few batch sizes."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from app.clipad.dual_path import dual_path
from app.clipad.runtimes.torch_runtime import Compilation, TorchRuntime
from app.clipad.sdp import StageTokens
from tests import parity
from tests.clipad.models import random_images

BACKBONE = parity.backbone("tiny-vit")


def test_plain_is_the_path_itself() -> None:
    path = dual_path(BACKBONE.model.visual)
    encode = TorchRuntime().encoder(BACKBONE, path, original=True)
    images = random_images(3, BACKBONE.side)
    with torch.inference_mode():
        found, expected = encode(images, original=True), path(images, original=True)
    assert all(
        map(torch.equal, found.surgery + found.original, expected.surgery + expected.original)
    )
    assert (encode.info.name, encode.info.dtype) == ("torch", "float32")


@pytest.mark.parametrize(
    ("compilation", "mode"),
    [(Compilation.ON, "default"), (Compilation.CUDA_GRAPHS, "reduce-overhead")],
)
def test_compiled_runs_at_powers_of_two_and_gives_back_what_was_asked(
    compilation: Compilation, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    asked: list[dict[str, Any]] = []

    def compile(path: Callable[..., StageTokens], **options: Any) -> Callable[..., StageTokens]:
        asked.append(options)

        def run(images: Tensor, **how: bool) -> StageTokens:
            sizes.append(len(images))
            return path(images, **how)

        return run

    monkeypatch.setattr(torch, "compile", compile)
    path = dual_path(BACKBONE.model.visual)
    encode = TorchRuntime(compilation).encoder(BACKBONE, path, original=True)
    with torch.inference_mode():
        for count in (1, 2, 3, 5, 8):
            images = random_images(count, BACKBONE.side)
            found, expected = encode(images, original=True), path(images, original=True)
            for ours, theirs in zip(found.surgery, expected.surgery, strict=True):
                torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
            for ours, theirs in zip(found.original, expected.original, strict=True):
                torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    assert sizes == [1, 2, 4, 8, 8]
    assert asked == [{"mode": mode, "dynamic": False}]
    assert encode.info.name == "torch-compiled"


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_really_compiled() -> None:
    path = dual_path(BACKBONE.model.visual)
    encode = TorchRuntime(Compilation.ON).encoder(BACKBONE, path, original=False)
    with torch.inference_mode():
        for count in (1, 3):
            images = random_images(count, BACKBONE.side)
            found, expected = encode(images, original=False), path(images, original=False)
            assert found.original == ()
            for ours, theirs in zip(found.surgery, expected.surgery, strict=True):
                torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
