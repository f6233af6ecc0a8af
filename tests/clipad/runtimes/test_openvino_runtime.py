"""OpenVINO gives what torch gives: tokens and detections, of both towers, at any batch size."""

import ctypes
import gc
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from app.clipad.backbone import Backbone
from app.clipad.choices import Taps
from app.clipad.detector import AnomalyDetector
from app.clipad.dual_path import DualPath, dual_path
from app.clipad.heads_file import HeadsFile
from app.clipad.runtimes import openvino_runtime
from app.clipad.runtimes.openvino_runtime import OpenVinoEncoder, OpenVinoRuntime
from app.clipad.rvs import Rvs, RvsMethod
from app.errors import ConfigurationError
from tests import parity
from tests.clipad.models import random_images
from tests.clipad.test_heads import parity_heads
from tests.clipad.test_heads_file import notes_for

CASES = [(model, taps) for model in parity.MODELS for taps in ("equation", "released")]
MEAN = Rvs(RvsMethod.MEAN)


class Noise:
    """Pictures to quantise with; a digest of its own for every seed."""

    def __init__(self, seed: int = 0) -> None:
        self.digest = f"noise {seed}"
        self.asked = 0

    def tensors(self, side: int, mean: Sequence[float], std: Sequence[float]) -> Iterator[Tensor]:
        self.asked += 1
        generator = torch.Generator().manual_seed(0)
        return (torch.randn(1, 3, side, side, generator=generator) for _ in range(4))


@cache
def encoder(model: str, taps: str, original: bool) -> OpenVinoEncoder:
    """A float32 encoder, made once for all tests that only ask it: to make one takes seconds."""
    backbone = parity.backbone(model)
    path = dual_path(backbone.model.visual, taps)
    return OpenVinoRuntime().encoder(backbone, path, original=original)


@dataclass(frozen=True)
class Kept(OpenVinoRuntime):
    """Gives the encoders that were made once."""

    def encoder(self, backbone: Backbone, path: DualPath, *, original: bool) -> OpenVinoEncoder:
        (model,) = (name for name in parity.MODELS if parity.backbone(name) is backbone)
        return encoder(model, str(path.taps), original)


def detector(model: str, taps: str, runtime: OpenVinoRuntime | None = None) -> AnomalyDetector:
    notes = replace(notes_for(model), taps=Taps(taps))
    heads = HeadsFile(Path("heads"), parity_heads(model, "head"), notes, "h" * 64)
    options = {} if runtime is None else {"runtime": runtime}
    return AnomalyDetector(parity.backbone(model), rvs=MEAN, heads=heads, taps=taps, **options)


@pytest.mark.parametrize(
    ("model", "taps", "original"),
    [("tiny-vit", "equation", False), ("tiny-resnet", "equation", False)]
    + [(model, taps, True) for model, taps in CASES],
)
def test_tokens_are_those_of_torch(model: str, taps: str, original: bool) -> None:
    backbone = parity.backbone(model)
    path = dual_path(backbone.model.visual, taps)
    encode = encoder(model, taps, original)
    for count in (1, 3):
        images = random_images(count, backbone.side)
        with torch.inference_mode():
            expected = path(images, original=original)
            found = encode(images, original=original)
        assert len(found.surgery) == len(expected.surgery)
        assert len(found.original) == len(expected.original)
        pairs = zip(
            found.surgery + found.original, expected.surgery + expected.original, strict=True
        )
        for ours, theirs in pairs:
            scale = float(theirs.abs().max())
            torch.testing.assert_close(ours / scale, theirs / scale, atol=5e-6, rtol=0)


def test_tokens_stay_when_other_images_follow() -> None:
    side, encode = parity.backbone("tiny-vit").side, encoder("tiny-vit", "equation", False)
    first = encode(random_images(2, side), original=False).surgery[0]
    kept = first.clone()
    encode(torch.zeros(2, 3, side, side), original=False)
    assert torch.equal(first, kept)


@pytest.mark.parametrize(("model", "taps"), CASES)
def test_the_same_detection_comes_out(model: str, taps: str) -> None:
    plain, found = detector(model, taps), detector(model, taps, Kept())
    images = random_images(3, plain.side)
    text = torch.stack([plain.text_features(name) for name in ("metal nut", "carpet", "nut")])
    for method in ("sdp", "sdp_plus"):
        expected, ours = plain.detect(images, text, method), found.detect(images, text, method)
        torch.testing.assert_close(ours.maps, expected.maps, atol=2e-5, rtol=0)
        torch.testing.assert_close(ours.score, expected.score, atol=2e-5, rtol=0)
        alone = found.detect(images[1:2], text[1:2], method)
        torch.testing.assert_close(alone.maps[0], ours.maps[1], atol=1e-5, rtol=0)


def test_what_computes_is_said_and_is_part_of_the_fingerprint() -> None:
    plain, found = detector("tiny-vit", "equation"), detector("tiny-vit", "equation", Kept())
    assert (plain.info.runtime, plain.info.dtype) == ("torch", "float32")
    assert (found.info.runtime, found.info.dtype) == ("openvino", "float32")
    assert plain.info.fingerprint != found.info.fingerprint


def test_int8_is_made_once_and_scores_nearly_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = Noise()
    made = detector("tiny-vit", "equation", OpenVinoRuntime("int8", noise, tmp_path))
    assert (made.info.dtype, noise.asked) == ("int8", 1)

    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(openvino_runtime, "_convert", never)  # what is quantised then
    kept = detector("tiny-vit", "equation", OpenVinoRuntime("int8", noise, tmp_path))
    assert kept.info.fingerprint == made.info.fingerprint
    with pytest.raises(AssertionError, match="made again"):
        detector("tiny-vit", "equation", OpenVinoRuntime("int8", Noise(1), tmp_path))
    with pytest.raises(AssertionError, match="made again"):
        detector("tiny-vit", "released", OpenVinoRuntime("int8", noise, tmp_path))

    plain = detector("tiny-vit", "equation")
    images = random_images(4, plain.side)
    text = torch.stack([plain.text_features("metal nut")] * 4)
    expected = plain.detect(images, text)
    for ours in (made.detect(images, text), kept.detect(images, text)):
        assert not torch.equal(ours.maps, expected.maps)  # it is int8 indeed
        torch.testing.assert_close(ours.score, expected.score, atol=0.1, rtol=0)
    torch.testing.assert_close(
        made.detect(images, text).maps, kept.detect(images, text).maps, atol=1e-6, rtol=0
    )


def test_what_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="dtype 'float16': OpenVINO computes in float32"):
        detector("tiny-vit", "equation", OpenVinoRuntime("float16"))
    with pytest.raises(ConfigurationError, match="int8: expected pictures to quantise with"):
        detector("tiny-vit", "equation", OpenVinoRuntime("int8", None, tmp_path))
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ConfigurationError, match=r"pip install \.\[openvino\]"):
        detector("tiny-vit", "equation", OpenVinoRuntime())


def test_nothing_is_reported_over_the_network() -> None:
    encoder("tiny-resnet", "released", True)
    assert sys.modules["openvino_telemetry"] is None


class _SignalStack(ctypes.Structure):
    _fields_ = (
        ("pointer", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("size", ctypes.c_size_t),
    )


def signal_stack() -> tuple[int | None, int]:
    """Address and size of this thread's stack for signal handlers."""
    found = _SignalStack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found)) == 0
    return found.pointer, found.size


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' struct stack_t")
def test_signals_still_find_their_stack_when_encoders_come_and_go() -> None:
    encoder.cache_clear()  # with another one there, what an encoder loads would stay
    gc.collect()
    before = signal_stack()
    backbone = parity.backbone("tiny-resnet")
    path = dual_path(backbone.model.visual)
    encoders = [OpenVinoRuntime().encoder(backbone, path, original=False) for _ in range(2)]
    assert signal_stack() == before
    while encoders:
        del encoders[0]
        gc.collect()
        assert signal_stack() == before
