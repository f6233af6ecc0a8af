"""What `scripts/evaluate` does once its options are plain values: check, measure, report.

Everything that can be wrong shows before the first image is scored: options, then the data set's
layout, the model, the report's folder, the texts and last, as that takes longest, every file of
the data set. Knows nothing of settings.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from app.clipad.build import build_detector
from app.clipad.detector import AnomalyDetector
from app.clipad.runtimes.model import Runtime
from app.clipad.rvs import Rvs
from app.errors import ConfigurationError, MethodError
from app.offline.choices import METHODS
from app.offline.datasets import Dataset, check_dataset, open_dataset
from app.offline.evaluation.engine import Options, evaluate, limited
from app.offline.evaluation.figures import Evaluation
from app.offline.evaluation.progress import ImageProgress
from app.offline.evaluation.report import print_tables, write_report
from app.offline.evaluation.scorers import make_scorers

_LARGEST_SIGMA = 1000


@dataclass(frozen=True)
class Model:
    """What a detector is built from; see `build_detector`. heads are loaded only if needed."""

    backbone: str
    weights: str
    heads: str | None
    device: str
    dtype: str
    runtime: Runtime
    rvs: Rvs
    taps: str | None
    sigma: float | None
    model_dir: Path
    demo: bool
    stages: tuple[int, ...] | None

    def build(self, with_heads: bool) -> AnomalyDetector:
        """The detector; raises ConfigurationError."""
        facts = vars(self) if with_heads else vars(self) | {"heads": None}
        return build_detector(**facts)


@dataclass(frozen=True)
class Request:
    """One run. objects None: all; object_name: see `open_dataset`; limit 0: no limit; check:
    decode every file first.

    `options.methods` may be empty: then the method that the heads recommend, without heads sdp.
    """

    layout: str
    root: Path
    objects: Sequence[str] | None
    object_name: str | None
    limit: int
    options: Options
    model: Model
    folder: Path
    check: bool = True


def run(request: Request, output: Console, bars: Console) -> Evaluation:
    """Evaluate, print the tables, write the report. Raises ClipAdError, in one line."""
    _check(request)
    dataset = open_dataset(
        request.layout, request.root, request.objects, object_name=request.object_name
    )
    if request.limit:
        dataset = limited(dataset, request.limit)
    methods = request.options.methods
    detector = request.model.build(with_heads=not methods or "sdp_plus" in methods)
    options = replace(request.options, methods=methods or (detector.default_method,))
    make_scorers(detector, options.methods)
    _make(request.folder)
    if detector.info.demo:
        output.print("This is the embedded demo backbone, not fit for inspection.", style="yellow")
    evaluation = _measure(request, dataset, detector, options, bars)
    print_tables(evaluation, output)
    try:
        page = write_report(evaluation, request.folder)[-1]
    except OSError as error:
        raise ConfigurationError(f"report folder {request.folder}: {error}") from error
    output.print(f"report: {page}", markup=False, highlight=False, soft_wrap=True)
    return evaluation


def _check(request: Request) -> None:
    """All that can be told without a data set or a model."""
    options = request.options
    for method in options.methods:
        if method not in METHODS:
            raise MethodError(f"method {method!r}: expected one of {', '.join(METHODS)}")
    if "sdp_plus" in options.methods and not request.model.heads:
        raise MethodError("method 'sdp_plus': needs linear heads, and none are given")
    sigma = request.model.sigma
    if sigma is not None and not 0 <= sigma <= _LARGEST_SIGMA:
        raise ConfigurationError(f"sigma {sigma}: expected 0 to {_LARGEST_SIGMA} pixels")


def _make(folder: Path) -> None:
    """The report's folder, before the hours of work that fill it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"report folder {folder}: cannot be made ({error})") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"report folder {folder}: cannot be written to")


def _measure(
    request: Request, dataset: Dataset, detector: AnomalyDetector, options: Options, bars: Console
) -> Evaluation:
    with ImageProgress(bars) as progress:
        if request.check:
            check_dataset(dataset, progress.of("checking the files"))
        asked = _asked(request, options, detector)
        return evaluate(dataset, detector, options, asked=asked, progress=progress)


def _asked(request: Request, options: Options, detector: AnomalyDetector) -> dict[str, object]:
    info = detector.info
    return {
        "methods": list(options.methods),
        "limit": request.limit or None,
        "backbone": info.backbone,
        "weights": request.model.weights,
        "heads": request.model.heads if info.heads_sha256 else None,
        "stages": list(info.stages),
        "taps": info.taps,
        "sigma": info.sigma,
        "multi_crop": options.multi_crop,
        "rvs": request.model.rvs.label,
        "spelling": str(options.spelling),
        "batch": options.batch,
        "device": info.device,
        "dtype": info.dtype,
    }
