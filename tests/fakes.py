"""A detector without weights: every figure is a plain function of the pixels and the name."""

import threading
from collections import Counter
from dataclasses import replace

import torch
from torch import Tensor

from app.clipad.detector import Detection
from app.clipad.model_info import ModelInfo
from app.clipad.prompts import Wording
from app.clipad.rvs import RvsMethod
from app.errors import ObjectNameError

INFO = ModelInfo(
    backbone="fake",
    weights_sha256="0" * 64,
    heads_sha256=None,
    rvs="mean",
    taps="equation",
    demo=False,
    runtime="torch",
    device="cpu",
    dtype="float32",
    side=16,
    patch=4,
    embed_dim=1,
    stages=(1,),
    sigma=0.0,
    fingerprint="f" * 64,
)

_PATIENCE_S = 60  # a test that forgot to open a gate ends all the same


class FakeDetector:
    """The map is the picture's mean over the channels; the text score grows with the name.

    While `gate` is cleared the model holds still inside `detect`; while `texts` is cleared a name
    that begins with "slow" waits in `text_features`. A picture whose first pixel is pure red
    breaks the model.
    """

    side, mean, std = INFO.side, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    default_method = "sdp"
    unwritten_texts = 0

    def __init__(self, methods: tuple[str, ...] = ("sdp",), *, demo: bool = False) -> None:
        self.methods = methods
        self.info = replace(INFO, demo=demo)
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.batches: list[int] = []
        self.asked: Counter[str] = Counter()
        self.encoded: Counter[str] = Counter()
        self.texts = threading.Event()
        self.texts.set()

    def peek_text(self, name: str | Wording, rvs: RvsMethod | None = None) -> Tensor | None:
        name = _words(name)
        return text_of(name) if name in self.encoded else None

    def has_text(self, name: str | Wording, rvs: RvsMethod | None = None) -> bool:
        return _words(name) in self.encoded

    def text_features(self, name: str | Wording, rvs: RvsMethod | None = None) -> Tensor:
        name = _words(name)
        if len(name) > 40:
            raise ObjectNameError(f"{name!r} is longer than the fake's context")
        self.asked[name] += 1
        if name.startswith("slow"):
            self.texts.wait(_PATIENCE_S)
        self.encoded[name] += 1
        return text_of(name)

    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Detection:
        self.batches.append(len(images))
        self.entered.release()
        self.gate.wait(_PATIENCE_S)
        if bool((images[:, :, 0, 0] == torch.tensor([1.0, 0.0, 0.0])).all(1).any()):
            raise ZeroDivisionError("the fake saw red")
        maps = images.mean(1) * (2 if method == "sdp_plus" else 1)
        text_score = text[:, 0, 1]
        peak = maps.amax((1, 2))
        return Detection(text_score + peak, text_score, peak, maps)


def _words(name: str | Wording) -> str:
    return name.object if isinstance(name, Wording) else name


def text_of(name: str) -> Tensor:
    """The fake's text features [1,2] of a name."""
    return torch.tensor([[0.0, len(name) / 100]])
