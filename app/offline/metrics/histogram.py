"""A histogram of float32 scores that stays exact while it can: constant memory, any range.

A score's 32 bits are mapped to an unsigned integer of the same order. Bins are the distinct
integers; once there are more than allowed, their lowest bit is dropped and neighbours join, as
often as it takes. So few scores stay exact, many get the resolution that the memory affords (a
shift of k bits leaves bins of 2^(k-23) times the score, whatever its sign or size), and bins that
no score falls into cost nothing. Knows nothing of maps or of what is done with the bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.uint32]

_SIGN = np.uint32(0x80000000)


@dataclass(frozen=True)
class Bins:
    """Non-empty bins, highest scores first; three arrays of one length.

    normal, anomalous: pixels. overlap: the anomalous pixels, each counting 1 / size of its region.
    shift: low bits dropped; with 0 every bin is one float32 value, and nothing is approximate.
    """

    normal: Floats
    anomalous: Floats
    overlap: Floats
    shift: int


class ScoreHistogram:
    """Bins of scores, merged from `buffer` pixels at a time, at most `most` bins.

    Keeps 8 bytes per buffered pixel and 28 per bin, several times that for a moment as they merge.
    """

    def __init__(self, most: int = 1 << 20, buffer: int = 1 << 20) -> None:
        self._most = most
        self._pending = np.empty(buffer, np.uint64)
        self._filled = 0
        self._shift = 0
        self._codes = np.empty(0, np.uint32)
        self._sums = np.empty((3, 0))  # normal, anomalous, overlap

    def add(self, scores: NDArray[np.float32], sizes: NDArray[np.uint32]) -> None:
        """Scores [N], no NaN among them, and sizes [N] of their pixels' regions, 0 for normal."""
        keys = ordered(scores).astype(np.uint64) << np.uint64(32)
        keys |= sizes
        start = 0
        while start < len(keys):
            part = keys[start : start + len(self._pending) - self._filled]
            self._pending[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            start += len(part)
            if self._filled == len(self._pending):
                self._flush()

    def bins(self) -> Bins:
        """All that was added so far; more may be added after."""
        self._flush()
        normal, anomalous, overlap = self._sums[:, ::-1]
        return Bins(normal, anomalous, overlap, self._shift)

    def _flush(self) -> None:
        if not self._filled:
            return
        keys = self._pending[: self._filled]
        keys.sort()
        sizes = (keys & np.uint64(0xFFFFFFFF)).astype(np.float64)
        codes = (keys >> np.uint64(32)).astype(np.uint32) >> np.uint32(self._shift)
        anomalous = sizes > 0
        overlap = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=anomalous)
        sums = np.stack([~anomalous, anomalous, overlap])
        self._filled = 0
        codes, sums = _joined(codes, sums)
        codes = np.concatenate([self._codes, codes])
        order = np.argsort(codes, kind="stable")  # merges the two sorted runs
        merged = np.concatenate([self._sums, sums], axis=1)[:, order]
        self._codes, self._sums = _joined(codes[order], merged)
        while len(self._codes) > self._most:
            self._shift += 1
            self._codes, self._sums = _joined(self._codes >> np.uint32(1), self._sums)


def ordered(scores: NDArray[np.float32]) -> Codes:
    """float32 [N] -> uint32 [N] of the same order, equal exactly where the scores are equal."""
    bits = (scores + np.float32(0)).view(np.uint32)  # -0 becomes 0
    codes: Codes = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return codes


def _joined(codes: Codes, sums: Floats) -> tuple[Codes, Floats]:
    """Equal neighbours among rising codes [N] made one, their columns of sums [3,N] added."""
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    return codes[starts], np.add.reduceat(sums, starts, axis=1)
