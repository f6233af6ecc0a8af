"""Drift: whether a line's parts still look as they did when their category was calibrated.

For each category and method, over the last inspections that were decided (p <= alpha or not):

    clipad_alarm_share                how many of them were called anomalous, in [0,1]
    clipad_expected_alarm_share       how many good parts would be, by the calibration: k / (n + 1)
    clipad_score_median               the median of their scores
    clipad_calibration_score_median   the median of the calibration's own scores
    clipad_drift_inspections          how many inspections share and median are taken over

How to read it. On good parts under the light, camera and process of the calibration the share
hovers around the expected one, and the two medians agree. A share well above the expected with an
unmoved median means more defects; a median that moves away from the calibration's means that all
parts look different: light, lens, position, material or process have changed, and the category
should be looked at and calibrated anew. A share is worth little before some 1/alpha inspections.

A window knows one basis only, what its inspections were decided by: another calibration, another
alpha or another model begin it anew, and where nothing decides any more it goes.

These are figures of one process since its start: several processes each see their own part of the
line, and a restart begins anew. Knows nothing of HTTP or of how a calibration decides.
"""

import math
from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_LABELS = ("category", "method")
_GAUGES = {
    "clipad_alarm_share": "Share of the latest decided inspections that were called anomalous.",
    "clipad_expected_alarm_share": "Share of good parts expected to be called anomalous.",
    "clipad_score_median": "Median score of the latest decided inspections.",
    "clipad_calibration_score_median": "Median score of the calibration decided by.",
    "clipad_drift_inspections": "Latest decided inspections that share and median are taken over.",
}


@dataclass(frozen=True)
class Basis:
    """What decides: one calibration at one alpha under one model; equal while nothing has changed.

    n: its images. threshold, median: of their scores. expected_share: k / (n + 1).
    """

    n: int
    alpha: float
    threshold: float
    median: float
    fingerprint: str
    expected_share: float


class Drift(Collector):
    """Running share of alarms and median score per category and method, as Prometheus gauges.

    registry: where the gauges are found. window: decided inspections looked at, per category and
    method. most: how many pairs of category and method are kept; the least recently observed leave.
    All calls, a scrape's included, belong in one thread, the event loop's.
    """

    def __init__(self, registry: CollectorRegistry, *, window: int = 200, most: int = 1000) -> None:
        self._window = window
        self._most = most
        self._series: OrderedDict[tuple[str, str], _Window] = OrderedDict()
        registry.register(self)

    def observe(
        self,
        category: str,
        method: str,
        score: float,
        is_anomalous: bool,
        basis: Basis,
    ) -> None:
        """Count one decided inspection; a score that is not finite is passed over.

        Another basis than the last begins the window anew: shares under two thresholds do not mix.
        """
        if not math.isfinite(score):
            return
        key = (category, method)
        series = self._series.get(key)
        if series is None or series.basis != basis:
            series = self._series[key] = _Window(self._window, basis)
        series.add(score, is_anomalous)
        self._series.move_to_end(key)
        if len(self._series) > self._most:
            self._series.popitem(last=False)

    def undecided(self, category: str, method: str) -> None:
        """An inspection was not decided: what was decided before by this method is over."""
        self._series.pop((category, method), None)

    def forget(self, category: str) -> None:
        """Remove all that is known of a category, of one never seen too."""
        for key in [key for key in self._series if key[0] == category]:
            del self._series[key]

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The gauges without their values, for the registry."""
        return _families().values()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges as they stand, at a scrape."""
        families = _families()
        for labels, series in self._series.items():
            for name, value in series.figures().items():
                families[name].add_metric(labels, value)
        return families.values()


class _Window:
    """The latest scores and decisions on one basis; never read while empty."""

    def __init__(self, size: int, basis: Basis) -> None:
        self.basis = basis
        self._size = size
        self._latest: deque[tuple[float, bool]] = deque()
        self._sorted: list[float] = []  # so that a scrape of many series need not sort
        self._alarms = 0

    def add(self, score: float, is_anomalous: bool) -> None:
        if len(self._latest) == self._size:
            oldest, was_anomalous = self._latest.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]
            self._alarms -= was_anomalous
        self._latest.append((score, is_anomalous))
        insort(self._sorted, score)
        self._alarms += is_anomalous

    def figures(self) -> dict[str, float]:
        count = len(self._sorted)
        return {
            "clipad_alarm_share": self._alarms / count,
            "clipad_expected_alarm_share": self.basis.expected_share,
            "clipad_score_median": (self._sorted[(count - 1) // 2] + self._sorted[count // 2]) / 2,
            "clipad_calibration_score_median": self.basis.median,
            "clipad_drift_inspections": count,
        }


def _families() -> dict[str, GaugeMetricFamily]:
    return {name: GaugeMetricFamily(name, text, labels=_LABELS) for name, text in _GAUGES.items()}
