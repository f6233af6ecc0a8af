"""The demo's figures: measured on the frozen benchmark, written to metrics.json and README.md.

Uses the shipped files as the service would: `build_detector`, SDP, DBSCAN-RVS. Knows nothing of
training.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import conformal_clip_data  # type: ignore[import-untyped]
import cv2
import numpy as np
from numpy.typing import NDArray

from app.clipad.build import build_detector
from app.clipad.detector import AnomalyDetector
from app.errors import ImageDecodeError
from app.offline.benchmark_set import PIXELS_SHA256, benchmark_pairs, pixels_sha256
from app.offline.demo.evaluation import (
    ScoredPair,
    image_auroc,
    score_pairs,
    score_pictures,
    summary,
)

GROUPS: dict[str, tuple[str, ...]] = {
    "textures and panels": ("textures", "panels"),
    "textures": ("textures",),
    "panels": ("panels",),
    "unseen textures": ("unseen",),
    "single objects": ("objects",),
    "photographs": ("photographs",),
}
_START, _END = "<!-- figures: written by the evaluation -->", "<!-- end of figures -->"
_TEXTILES = 100
_SIMULATED = "simulated textiles"  # of conformal-clip-data: drawn by a program, no photographs


def demo_detector(directory: Path, cache: Path) -> AnomalyDetector:
    """The detector that the service builds from `directory`; text features go to `cache`."""
    return build_detector(
        backbone=str(directory / "config.json"),
        weights=str(directory / "weights.safetensors"),
        device="cpu",
        model_dir=cache,
        demo=True,
    )


def measure(directory: Path) -> dict[str, Any]:
    """All figures of the weights in `directory`: takes some minutes."""
    with tempfile.TemporaryDirectory() as cache:
        detector = demo_detector(directory, Path(cache))
        scored = score_pairs(detector, benchmark_pairs())
        textiles = _textiles(detector)
    pixels = pixels_sha256(benchmark_pairs())
    weights = (directory / "weights.safetensors").read_bytes()
    return {
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "weights_bytes": len(weights),
        "method": "sdp",
        "rvs": "dbscan",
        "benchmark_sha256": pixels,
        "benchmark_is_the_frozen_one": pixels == PIXELS_SHA256,
        "groups": {name: summary(_of(scored, groups)) for name, groups in GROUPS.items()},
        _SIMULATED: textiles,
    }


def write(figures: dict[str, Any], directory: Path) -> None:
    """Write metrics.json, and the table between the marks of README.md if it has them."""
    (directory / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    readme = directory / "README.md"
    if readme.exists() and _START in (text := readme.read_text("utf-8")):
        before, _, rest = text.partition(_START)
        after = rest.partition(_END)[2]
        readme.write_text(f"{before}{_START}\n\n{table(figures)}\n\n{_END}{after}", "utf-8")


def table(figures: dict[str, Any]) -> str:
    """The groups' figures as a Markdown table, the weights' sha256 below it."""
    lines = [
        "| pictures | pairs | image AUROC | pixel AUROC | above its good twin "
        "| darkness alone: image, pixel |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {g['pairs']} | {g['image_auroc']:.3f} | {g['pixel_auroc']:.3f} "
        f"| {g['win_rate']:.3f} "
        f"| {g['darkness_image_auroc']:.3f}, {g['darkness_pixel_auroc']:.3f} |"
        for name, g in figures["groups"].items()
    ]
    lines += [
        f"| {_SIMULATED}, {name} | {t['good']} + {t['defective']} | {t['image_auroc']:.3f} "
        f"| no masks | no twins | {t['darkness_image_auroc']:.3f} |"
        for name, t in figures[_SIMULATED].items()
    ]
    lines += [
        "",
        f"Weights: {figures['weights_bytes'] / 1e6:.1f} MB, sha256 `{figures['weights_sha256']}`.",
    ]
    return "\n".join(lines)


def _of(scored: Sequence[ScoredPair], groups: Sequence[str]) -> list[ScoredPair]:
    return [pair for pair in scored if pair.group in groups]


def _textiles(detector: AnomalyDetector) -> dict[str, Any]:
    """The first pictures of the package conformal-clip-data, textiles simulated by others.

    No masks; never trained on.
    """
    good = [
        result
        for part in _batches(conformal_clip_data.nominal_dir(), detector.side)
        for result in score_pictures(detector, part, ["fabric"] * len(part))
    ]
    found: dict[str, Any] = {}
    for name, folder in (
        ("local", conformal_clip_data.local_dir()),
        ("global", conformal_clip_data.global_dir()),
    ):
        bad = [
            result
            for part in _batches(folder, detector.side)
            for result in score_pictures(detector, part, ["fabric"] * len(part))
        ]
        found[name] = {
            "good": len(good),
            "defective": len(bad),
            "image_auroc": round(image_auroc([g.score for g in good], [b.score for b in bad]), 4),
            "darkness_image_auroc": round(
                image_auroc([g.dark_score for g in good], [b.dark_score for b in bad]), 4
            ),
        }
    return found


def _read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path))
    if picture is None:
        raise ImageDecodeError(f"picture {path}: OpenCV cannot read it")
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)


def _batches(folder: Path, side: int) -> list[list[NDArray[np.uint8]]]:
    paths = sorted(folder.glob("*.jpg"))[:_TEXTILES]
    pictures = [
        np.array(cv2.resize(_read(path), (side, side), interpolation=cv2.INTER_AREA)).astype(
            np.uint8
        )
        for path in paths
    ]
    return [pictures[start : start + 16] for start in range(0, len(pictures), 16)]
