"""The frozen benchmark: its size, its balance and its pixels."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from app.offline.benchmark_set import (
    FIRST_SEED,
    PAIRS_PER_KIND,
    PIXELS_SHA256,
    benchmark_pairs,
    pixels_sha256,
)
from app.offline.synthetic import DEFECTS, KINDS

# Mean levels of the first pair of a kind: red, green, blue of the good one, then of its twin.
# Means, not bytes: another build of OpenCV may round a pixel another way.
RECORDED: dict[str, tuple[float, ...]] = {
    "carpet": (97.23, 104.77, 152.06, 96.17, 103.61, 150.75),
    "perforated panel": (106.52, 108.43, 100.30, 107.85, 109.69, 101.42),
    "cork": (144.47, 109.41, 71.84, 142.87, 107.91, 70.22),
    "nut": (118.63, 125.84, 129.12, 118.83, 125.99, 129.34),
    "gravel": (127.48, 127.48, 127.47, 129.07, 128.97, 129.06),
}


def test_every_kind_is_there_and_defects_are_balanced() -> None:
    assert set(PAIRS_PER_KIND) == set(KINDS)
    assert all(count % len(DEFECTS) == 0 for count in PAIRS_PER_KIND.values())
    found = Counter(pair.defect for pair in islice(benchmark_pairs(["felt"]), 20))
    assert found == dict.fromkeys(DEFECTS, 2)
    assert FIRST_SEED > 1_000_000


@pytest.mark.parametrize("kind", RECORDED)
def test_pixels_are_the_recorded_ones(kind: str) -> None:
    pair = next(benchmark_pairs([kind]))
    levels = [*pair.good.mean(axis=(0, 1)), *pair.defective.mean(axis=(0, 1))]
    assert np.allclose(levels, RECORDED[kind], atol=0.25)


@pytest.mark.nightly
def test_every_byte_is_the_recorded_one() -> None:
    assert pixels_sha256(benchmark_pairs()) == PIXELS_SHA256


def test_the_sha256_sees_every_part_of_a_pair() -> None:
    pair = next(benchmark_pairs(["felt"]))
    whole = pixels_sha256(iter([pair]))
    assert whole == pixels_sha256(iter([pair]))
    for name in ("good", "defective", "mask"):
        changed = getattr(pair, name).copy()
        changed.flat[0] ^= 1
        assert pixels_sha256(iter([type(pair)(**{**vars(pair), name: changed})])) != whole
