"""Methods by name: what turns a batch of images and their texts into a Detection.

`sdp` and `sdp_plus` are the served detector's own; the others are baselines on its backbone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial

from torch import Tensor

from app.clipad.detector import AnomalyDetector, Detection
from app.errors import MethodError
from app.offline.choices import METHODS, SERVED
from app.offline.evaluation.baselines import BASELINES

Scorer = Callable[[Tensor, Tensor], Detection]
"""Preprocessed images [B,3,S,S] and texts [B,D,2] -> Detection of float32 on the CPU."""


def make_scorers(detector: AnomalyDetector, methods: Sequence[str]) -> dict[str, Scorer]:
    """A scorer for each method. Raises MethodError for one that this detector does not have."""
    scorers: dict[str, Scorer] = {}
    for method in methods:
        if method in BASELINES:
            scorers[method] = BASELINES[method](detector).detect
        elif method in detector.methods:
            scorers[method] = partial(detector.detect, method=method)
        elif method in SERVED:
            raise MethodError(f"method {method!r}: needs linear heads, and none are loaded")
        else:
            raise MethodError(f"method {method!r}: expected one of {', '.join(METHODS)}")
    return scorers


def model_facts(detector: AnomalyDetector, method: str) -> Mapping[str, object]:
    """ModelInfo's facts as they hold for a method: a baseline has no stages, taps or heads."""
    facts = asdict(detector.info)
    if method in BASELINES:
        facts |= {"stages": None, "taps": None, "heads_sha256": None}
    elif method == "sdp":
        facts |= {"heads_sha256": None}
    return facts
