"""The frozen benchmark of the demo backbone: which generated pairs it holds, and their sha256.

It was fixed before any training run. Its seeds and the sub-ranges of its settings
(`synthetic.draw.RESERVED`) are never used in training; the kinds in `UNSEEN`, `OBJECTS` and
`PHOTOGRAPHS` are not used in the backbone's either. Changing the generator in a way that changes
these pixels makes figures incomparable: `tests/offline/test_benchmark_set.py` then fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from app.offline.synthetic import (
    DEFECTS,
    OBJECTS,
    PANELS,
    PHOTOGRAPHS,
    TEXTURES,
    UNSEEN,
    Pair,
    Split,
    generate_pair,
)

FIRST_SEED = 7_000_000
"""Seeds count from here, pair by pair, for every kind."""

PAIRS_PER_KIND: dict[str, int] = {
    **dict.fromkeys((*TEXTURES, *PANELS), 20),
    **dict.fromkeys(UNSEEN, 40),
    **dict.fromkeys((*OBJECTS, *PHOTOGRAPHS), 20),
}
"""Pairs of each kind; every defect takes its turn, so each occurs equally often."""

PIXELS_SHA256 = "b628159806561d67433d3e796c56cdcddf953672dd36c2f0ba8edb9101d54fe6"
"""sha256 over good pixels, defective pixels and mask of every pair, in order."""


def benchmark_pairs(kinds: Sequence[str] | None = None) -> Iterator[Pair]:
    """The benchmark's pairs, kind by kind; all of them, or only those of `kinds`."""
    defects = list(DEFECTS)
    for kind, count in PAIRS_PER_KIND.items():
        if kinds is None or kind in kinds:
            for index in range(count):
                yield generate_pair(
                    kind, FIRST_SEED + index, Split.BENCHMARK, defects[index % len(defects)]
                )


def pixels_sha256(pairs: Iterator[Pair]) -> str:
    """sha256 over the pixels of `pairs`, as recorded in `PIXELS_SHA256`."""
    digest = hashlib.sha256()
    for pair in pairs:
        for array in (pair.good, pair.defective, pair.mask):
            digest.update(array.tobytes())
    return digest.hexdigest()
