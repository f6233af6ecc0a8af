"""Split conformal decisions from good images alone: what a score means, and how sure that is.

With n calibration scores s_1..s_n of good parts and a wanted false-alarm rate alpha
(Vovk et al. 2005; Angelopoulos and Bates 2021, arXiv 2107.07511):

    p(s) = (1 + #{s_i >= s}) / (n + 1)          k = floor(alpha (n + 1))
    threshold = the k-th largest s_i            anomalous when s > threshold, i.e. p(s) <= alpha

For good parts exchangeable with the calibration's, the false-alarm rate is k / (n + 1) on average
over calibrations (at most that where scores tie). For the one calibration at hand it follows
Beta(k, n + 1 - k), whose 95 percent quantile is `rate_95`. Another camera, another light, drift,
or parts that are not independent of each other (one part photographed twenty times) break both.

Why of our own: MAPIE and crepes wrap a classifier or regressor of one's own and predict sets or
intervals for labelled data; of what is needed here crepes has the p-value alone, a comparison and
a sum, and brings pandas with it; neither has the Beta bound. Knows nothing of images or categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

DEFAULT_ALPHA = 0.05
_CONFIDENCE = 0.95


def rank(n: int, alpha: float) -> int:
    """k = floor(alpha (n + 1)), the largest k with k / (n + 1) <= alpha.

    alpha is taken as the decimal it is written as, 0.29 of 100 is 29; and where it was computed as
    such a quotient itself, as that: 1/3 of 6 is 2.
    """
    k = floor(_exact(alpha) * (n + 1))
    return k + 1 if (k + 1) / (n + 1) <= alpha else k


def needed(alpha: float) -> int:
    """The smallest n that decides at this alpha (k >= 1): 19 for 0.05."""
    n = ceil(1 / _exact(alpha)) - 1
    return n - 1 if n > 1 and rank(n - 1, alpha) else n


def expected_rate(n: int, alpha: float) -> float | None:
    """k / (n + 1): the false-alarm rate on average over calibrations; None while k is 0."""
    k = rank(n, alpha)
    return k / (n + 1) if k else None


def rate_95(n: int, alpha: float) -> float | None:
    """The false-alarm rate not exceeded in 95 of 100 calibrations with n images; None for k = 0."""
    k = rank(n, alpha)
    return float(betaincinv(k, n + 1 - k, _CONFIDENCE)) if k else None


@dataclass(frozen=True)
class Decision:
    """What a calibration says of one score."""

    p_value: float
    is_anomalous: bool


class Calibration:
    """Scores of n good images, with what follows from them at one alpha in (0,1).

    scores, map_maxima, map_medians [n]: of each calibration image its anomaly score, and its
    map's maximum and median. threshold and map_threshold are the k-th largest score and maximum,
    None while n is too small for alpha (k = 0); map_low is the median of the medians.
    """

    def __init__(
        self,
        scores: Sequence[float],
        map_maxima: Sequence[float],
        map_medians: Sequence[float],
        alpha: float = DEFAULT_ALPHA,
    ) -> None:
        if not len(scores) == len(map_maxima) == len(map_medians):
            raise ValueError(
                f"{len(scores)} scores, {len(map_maxima)} maxima and {len(map_medians)} medians: "
                "expected as many of each"
            )
        self.alpha = alpha
        self.n = len(scores)
        self.k = rank(self.n, alpha)
        self._ascending = _sorted(scores)
        self.threshold = _largest(self._ascending, self.k)
        self.map_threshold = _largest(_sorted(map_maxima), self.k)
        self.map_low = float(np.median(map_medians)) if self.n else None
        self.median = float(np.median(self._ascending)) if self.n else None

    @property
    def decides(self) -> bool:
        """Whether n suffices for alpha."""
        return self.k >= 1

    def p_value(self, score: float) -> float:
        """(1 + #{s_i >= score}) / (n + 1), ties counted."""
        at_least = self.n - int(np.searchsorted(self._ascending, score, side="left"))
        return (1 + at_least) / (self.n + 1)

    def decide(self, score: float) -> Decision | None:
        """None while n is too small for alpha: a decision is never invented."""
        if self.threshold is None:
            return None
        return Decision(self.p_value(score), score > self.threshold)


def _exact(alpha: float) -> Fraction:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}: expected a rate between 0 and 1")
    return Fraction(repr(float(alpha)))


def _sorted(values: Sequence[float]) -> NDArray[np.float64]:
    return np.sort(np.asarray(values, dtype=np.float64))


def _largest(ascending: NDArray[np.float64], k: int) -> float | None:
    return float(ascending[-k]) if k else None
