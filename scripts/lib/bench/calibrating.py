"""Benchmark of decisions: false-alarm rates against what is promised, and rejected defects."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from models import demo_detector
from report import Threads, finish, new_table, use_threads
from rich.table import Table

from app.clipad.choices import MethodName

if TYPE_CHECKING:
    from app.clipad.detector import AnomalyDetector

_SIZES = (20, 50, 200)


def calibration(
    calibrations: Annotated[int, typer.Option(help="fresh ones", min=2)] = 200,
    tests: Annotated[int, typer.Option(help="good pictures they are tested on", min=1)] = 10_000,
    kind: Annotated[str, typer.Option(help="of those pictures; one nothing was trained on")] = (
        "stucco"
    ),
    n: Annotated[int, typer.Option(help="good pictures per kind, for the defects", min=19)] = 60,
    goods: Annotated[int, typer.Option(help="tested per kind", min=1)] = 400,
    each: Annotated[int, typer.Option(help="tested per kind and defect", min=1)] = 40,
    method: Annotated[MethodName, typer.Option(help="what scores")] = "sdp",
    workers: Annotated[int, typer.Option(help="processes that draw pictures", min=0)] = 1,
    threads: Threads = 0,
) -> None:
    """The demo backbone (OpenVINO, float32) calibrated on generated kinds it never saw."""
    from app.calibration import DEFAULT_ALPHA
    from app.clipad.runtimes.openvino_runtime import OpenVinoRuntime
    from app.pictures import GeneratedPictures

    use_threads(threads)
    with tempfile.TemporaryDirectory() as place:
        runtime = OpenVinoRuntime("float32", GeneratedPictures())
        detector = demo_detector(runtime, Path(place))
        rates, keys = _rates(detector, kind, calibrations, tests, method, workers)
        defects, found = _defects(detector, n, goods, each, method, workers)
    options = {"kind": kind, "calibrations": calibrations, "tests": tests, "method": method}
    options |= {"alpha": DEFAULT_ALPHA, "calibrated_with": n, "goods": goods, "each": each}
    finish(
        [rates, defects],
        "calibration",
        "cpu",
        **options,
        coverage=keys,
        rejected=found,
    )


def _rates(
    detector: AnomalyDetector, kind: str, calibrations: int, tests: int, method: str, workers: int
) -> tuple[Table, dict[str, dict[str, float]]]:
    from app.calibration import DEFAULT_ALPHA, rate_95
    from app.offline.bench.calibration import coverage, good_subjects, score

    most = max(_SIZES)
    subjects = good_subjects(kind, calibrations * most + tests)
    scores = score(detector, kind, subjects, method, workers)
    fresh, common = scores[:-tests].reshape(calibrations, most), scores[-tests:]
    table = new_table(
        "n", "k / (n + 1)", "mean rate", "standard error", "deviation", "rate_95", "share past it",
        title=f"false alarms of {calibrations} calibrations on {tests} good pictures, {kind}",
    )  # fmt: skip
    keys = {}
    for found in coverage(fresh, common, _SIZES, DEFAULT_ALPHA):
        bound = rate_95(found.n, DEFAULT_ALPHA) or 0.0
        table.add_row(
            str(found.n),
            f"{found.expected:.4f}",
            f"{found.mean:.4f}",
            f"{found.standard_error:.4f}",
            f"{found.deviation:+.2f}",
            f"{bound:.4f}",
            f"{found.past_bound:.1%}",
        )
        keys[str(found.n)] = {
            "expected": round(found.expected, 5),
            "mean": round(found.mean, 5),
            "standard_error": round(found.standard_error, 5),
            "deviation": round(found.deviation, 3),
            "past_rate_95": round(found.past_bound, 4),
        }
    return table, keys


def _defects(
    detector: AnomalyDetector, n: int, goods: int, each: int, method: str, workers: int
) -> tuple[Table, dict[str, dict[str, float]]]:
    from app.calibration import DEFAULT_ALPHA
    from app.offline.bench.calibration import power
    from app.offline.synthetic import DEFECTS, HELD_OUT, UNSEEN

    table = new_table("rejected", *UNSEEN, *HELD_OUT, title=f"calibrated with {n} good pictures")
    found = [
        power(
            detector, kind,
            n=n, goods=goods, each=each, alpha=DEFAULT_ALPHA, method=method, workers=workers,
        )
        for kind in (*UNSEEN, *HELD_OUT)
    ]  # fmt: skip
    table.add_row("good", *(f"{one.false_alarms:.1%}" for one in found), end_section=True)
    for defect in DEFECTS:
        table.add_row(defect, *(f"{one.rejected[defect]:.0%}" for one in found))
    return table, {one.kind: {"good": one.false_alarms, **one.rejected} for one in found}
