from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.clipad.build import build_detector
from app.clipad.rvs import Rvs, RvsMethod
from app.offline.bench.drift import demo_pairs, score_demo
from app.offline.bench.model import (
    compare_with_encode,
    openvino_contender,
    torch_contenders,
)
from app.offline.bench.text import compare_with_uncut
from app.settings import DEMO_BACKBONE, DEMO_WEIGHTS
from tests import parity


def test_every_contender_is_compared_at_the_batch_size() -> None:
    backbone = parity.backbone("tiny-vit")
    contenders = [*torch_contenders(backbone), openvino_contender(backbone, "float32", "sdp_plus")]
    found = compare_with_encode(backbone, contenders, 3, turns=2)
    assert list(found) == ["sdp", "sdp_plus", "openvino_fp32_sdp_plus"]
    assert all(len(times.work) == 2 and times.ratio > 0 for times in found.values())


def test_drift_is_nothing_for_the_same_detector_and_figures_are_points(tmp_path: Path) -> None:
    demo = build_detector(
        backbone=str(DEMO_BACKBONE),
        weights=str(DEMO_WEIGHTS),
        rvs=Rvs(RvsMethod.MEAN),
        model_dir=tmp_path,
    )
    pairs = demo_pairs(1)[:3]
    scores = score_demo(demo, "sdp", pairs)
    assert scores.drift(scores) == (0, 0)
    assert scores.scores.shape == (6,)
    assert scores.image_auroc > 60
    assert scores.pixel_auroc > 60
    moved = replace(scores, scores=scores.scores + np.float32([0, 0, 0, 0, 0, 0.5]))
    assert moved.drift(scores) == pytest.approx((0.5 / 6, 0.5))


def test_every_turn_uses_a_name_never_seen() -> None:
    times = compare_with_uncut(parity.backbone("tiny-vit"), Rvs(RvsMethod.MEAN), turns=2)
    # A cached name would take microseconds; its 418 prompts alone cost the tokenizer more.
    assert min(times.work) > 1e-3
