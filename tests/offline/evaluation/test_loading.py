"""Batches in order, decoded ahead but not far ahead."""

import threading
from pathlib import Path

import pytest
import torch

from app.images.tensors import to_tensor
from app.offline.datasets import load_image, load_mask
from app.offline.evaluation.loading import Preprocessing, load_batches, prefetched
from tests.offline.evaluation.sets import tiny_set

PLAIN = Preprocessing(16, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def test_batches_hold_every_sample_in_order(tmp_path: Path) -> None:
    samples = tiny_set(tmp_path).samples
    batches = list(load_batches(samples, 3, PLAIN, masks=True))
    assert [len(batch.samples) for batch in batches] == [3, 3, 1]
    assert tuple(sample for batch in batches for sample in batch.samples) == samples
    for batch in batches:
        assert batch.enlarged is None
        assert batch.masks is not None
        for sample, image, mask in zip(batch.samples, batch.images, batch.masks, strict=True):
            expected = to_tensor(load_image(sample), 16, PLAIN.mean, PLAIN.std)
            assert torch.equal(image, expected)
            assert (mask == load_mask(sample, 16)).all()
            assert mask.any() == sample.anomalous


def test_larger_images_only_if_asked_for_and_masks_too(tmp_path: Path) -> None:
    larger = Preprocessing(16, PLAIN.mean, PLAIN.std, enlarged=18)
    (batch,) = load_batches(tiny_set(tmp_path).samples, 9, larger, masks=False)
    assert batch.enlarged is not None
    assert batch.enlarged.shape == (7, 3, 18, 18)
    assert batch.masks is None


def test_no_more_than_asked_for_is_under_way() -> None:
    started = []
    results = prefetched(lambda item: started.append(item) or item, range(100), ahead=4)
    assert next(results) == 0
    assert len(started) <= 5
    assert [next(results) for _ in range(3)] == [1, 2, 3]
    assert len(started) <= 8
    results.close()
    assert len(started) <= 8
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_all_results_come_in_order_and_a_failure_in_its_place() -> None:
    assert list(prefetched(str, range(50), ahead=3)) == [str(item) for item in range(50)]
    results = prefetched(lambda item: 1 // (3 - item), range(9), ahead=9)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
