"""Small evaluations made by hand, odd ones among them: absent figures, hostile names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.offline.evaluation.figures import (
    CURVES,
    Case,
    Evaluation,
    ImageScore,
    MethodEvaluation,
    ObjectEvaluation,
)
from app.offline.metrics.figures import Curve, ImageFigures, PixelFigures

HOSTILE = '<script>alert("1")</script>&\'|[b]\x1b[31m\n.png'
UNDECODABLE = "caf\udce9.png"  # what Python makes of a Latin-1 file name
SIDE = 48
MODEL = {
    "backbone": "ViT-B-16-plus-240",
    "side": 240,
    "stages": (3, 6, 9, 12),
    "heads_sha256": None,
    "demo": False,
    "fingerprint": "f" * 64,
}


def score(path: str = "bottle/test/good/000.png", **given: object) -> ImageScore:
    facts = {
        "path": path,
        "object": "bottle",
        "kind": "good",
        "anomalous": False,
        "text": 0.25,
        "map": 0.125,
        "raw": 0.375,
        "paper": 0.5,
    }
    return ImageScore(**(facts | given))  # type: ignore[arg-type]


def case(of: ImageScore, seed: int = 0, chosen_for: str = "score", **given: object) -> Case:
    noise = np.random.default_rng(seed)
    mask = np.zeros((SIDE, SIDE), bool)
    if of.anomalous:
        mask[10:20, 12:30] = True
    facts = {
        "score": of,
        "chosen_for": chosen_for,
        "mistake": 0.25,
        "thumbnail": noise.integers(90, 200, (SIDE, SIDE, 3), np.uint8),
        "map": (noise.random((SIDE, SIDE)) * 0.1 + mask).astype(np.float16),
        "mask": mask,
    }
    return Case(**(facts | given))  # type: ignore[arg-type]


def image_figures(auroc: float = 0.909) -> dict[str, ImageFigures]:
    figures = ImageFigures(auroc, 0.919, 0.958)
    return {"raw": figures, "paper": replace(figures, auroc=auroc + 0.01)}


def pixel_figures(auroc: float = 0.875) -> PixelFigures:
    return PixelFigures(auroc, 0.359, 0.304, 0.753, 1e-5, 2e-5, 3e-5, 4e-5)


def curves() -> dict[str, Curve]:
    x = tuple(np.linspace(0, 1, 20).tolist())
    found = {name: Curve(x, tuple(value**0.3 for value in x)) for name in CURVES}
    return found | {"pro": Curve((0.0, 0.1, 0.3), (0.0, 0.6, 0.9))}


def object_evaluation(
    name: str = "bottle", shift: float = 0.0, cases: Sequence[Case] | None = None
) -> ObjectEvaluation:
    good = score(f"{name}/test/good/000.png", object=name)
    bad = score(
        f"{name}/test/broken/000.png", object=name, kind="broken", anomalous=True, map_auroc=0.4
    )
    some = (case(good), case(bad, 1, "map", mistake=None), case(bad, 2, mistake=0.0))
    return ObjectEvaluation(
        object=name,
        images=83,
        anomalous=63,
        image=image_figures(0.909 + shift),
        pixel=pixel_figures(0.875 + shift),
        curves=curves(),
        scores=(good, bad),
        cases=some if cases is None else tuple(cases),
    )


def bare(name: str) -> ObjectEvaluation:
    """An object with neither masks nor good images: no figures, no curves."""
    bad = score(f"{name}/{UNDECODABLE}", object=name, kind="broken", anomalous=True)
    only = case(bad, mistake=None, mask=None)
    return ObjectEvaluation(name, 1, 1, None, None, {}, (bad,), (only,))


def evaluation_of(
    *methods: tuple[str, Sequence[ObjectEvaluation]], model: dict[str, object] | None = None
) -> Evaluation:
    return Evaluation(
        layout="mvtec",
        root="/data/mvtec",
        digest="d" * 64,
        domain="industrial",
        asked={"methods": [name for name, _ in methods], "batch": 8, "limit": None},
        methods=tuple(
            MethodEvaluation(name, MODEL if model is None else model, tuple(objects), 4.0, 3.0)
            for name, objects in methods
        ),
    )


def usual() -> Evaluation:
    """Two methods on two objects."""
    return evaluation_of(
        ("sdp", [object_evaluation("bottle"), object_evaluation("metal_nut", -0.1)]),
        ("sdp_plus", [object_evaluation("bottle", 0.05), object_evaluation("metal_nut")]),
    )


def odd() -> Evaluation:
    """One method; of two objects one has a hostile name and files, the other no figures at all."""
    named = object_evaluation(HOSTILE)
    return evaluation_of(("sdp", [named, bare("Flasche ü")]))
