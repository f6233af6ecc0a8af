"""The benchmark of training, on a tiny model: what it returns, not how fast anything is."""

import sys
from pathlib import Path

import numpy as np
import pytest

from app.offline.bench.heads import compare_training, write_pictures
from app.offline.datasets import check_dataset, open_dataset
from tests import parity


def test_pictures_are_a_data_set_with_masks(tmp_path: Path) -> None:
    write_pictures(tmp_path, 23, 60)
    dataset = open_dataset("mvtec", tmp_path)
    check_dataset(dataset)
    assert (len(dataset.samples), len(dataset.objects)) == (23, 5)
    assert dataset.has_masks
    assert {sample.anomalous for sample in dataset.of("bolt")} == {False, True}


@pytest.mark.slow
def test_training_and_encode_are_timed_and_memory_is_told(tmp_path: Path) -> None:
    backbone = parity.backbone("tiny-vit")
    cost = compare_training(backbone, 22, 2, tmp_path, picture_side=60)
    assert len(cost.times.work) == len(cost.times.baseline) == 2
    assert np.isfinite(cost.times.ratio)
    assert cost.times.ratio > 0
    expected = 22 * (4 * 36 * backbone.model.visual.conv1.out_channels * 2 + 96 * 96 // 8)
    assert cost.features_gib * 2**30 == pytest.approx(expected, rel=0.01, abs=1000)
    if sys.platform == "linux":
        assert cost.anonymous_gib is not None
        assert 0 <= cost.anonymous_gib < 2
    assert not list(tmp_path.glob("run-*"))
