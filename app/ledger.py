"""What a running service remembers: its categories, each inspection, and how they drift.

One store beneath all three. Knows nothing of HTTP or settings.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.calibration import Calibration
from app.drift import Basis, Drift
from app.inspection import Inspection
from app.inspection_log import InspectionLog
from app.registry import Registry
from app.standing import Standing
from app.store.records import InspectionRecord
from app.store.store import Store
from app.store.threads import Threads

_STORE_THREADS = 4
_LOOK_UP_THREADS = 4
_LOG_CLOSE_S = 10.0
_CLOSE_S = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retention:
    """How long the inspection log is kept: by age, 0 without end, and by count.

    rows 0: this process neither writes lines nor removes any; the log may be others' too.
    """

    days: float
    rows: int

    def oldest(self) -> datetime | None:
        """Lines from before this moment are to go; None where age does not matter."""
        return datetime.now(UTC) - timedelta(days=self.days) if self.days else None


class Ledger:
    """store: closed with the ledger. methods, model: what is served, and its fingerprint.

    dropped: told how many lines of the log were lost.
    """

    def __init__(
        self,
        store: Store,
        drift: Drift,
        methods: Sequence[str],
        model: str,
        retention: Retention,
        dropped: Callable[[int], None],
    ) -> None:
        self.store = store
        self.drift = drift
        self._look_ups = Threads(_LOOK_UP_THREADS, "look-up")
        self._threads = Threads(_STORE_THREADS, "store")
        self.registry = Registry(store, self._look_ups, self._threads, methods, model)
        self._logs = retention.rows > 0

        def prune() -> bool:
            return self._logs and store.prune(retention.oldest(), retention.rows)

        self.log = InspectionLog(store.log, prune, dropped=dropped)

    def record(
        self,
        standing: Standing,
        inspection: Inspection,
        *,
        request_id: str,
        category: str,
        method: str,
        part_id: str | None,
        station: str | None,
    ) -> None:
        """Remember one answered image; never waits and never fails."""
        decision, score = inspection.decision, inspection.finding.score
        calibration = standing.calibration(method) if decision else None
        if self._logs:
            self.log.put(
                InspectionRecord(
                    time=datetime.now(UTC),
                    request_id=request_id,
                    part_id=part_id,
                    station=station,
                    category=category,
                    method=method,
                    score=score,
                    threshold=calibration.threshold if calibration else None,
                    p_value=decision.p_value if decision else None,
                    is_anomalous=decision.is_anomalous if decision else None,
                    fingerprint=standing.fingerprint,
                    image_sha256=inspection.source.sha256,
                )
            )
        key = standing.category.key
        basis = _basis(calibration, standing.fingerprint) if calibration else None
        if decision and basis:
            self.drift.observe(key, method, score, decision.is_anomalous, basis)
        else:
            self.drift.undecided(key, method)

    def close(self) -> None:
        """Write what is left of the log, then close the store; blocks for some seconds at most."""
        self.log.close(_LOG_CLOSE_S)
        end = time.monotonic() + _CLOSE_S
        # Both, whether or not the first came to its end.
        closed = [
            threads.close(max(0.0, end - time.monotonic()))
            for threads in (self._threads, self._look_ups)
        ]
        if not all(closed):
            _log.error("the database did not answer within %g s: left without it", _CLOSE_S)
        self.store.close()


def _basis(calibration: Calibration, fingerprint: str) -> Basis | None:
    """What the calibration decides by; None where it does not decide."""
    threshold, median = calibration.threshold, calibration.median
    if threshold is None or median is None:
        return None
    n, share = calibration.n, calibration.k / (calibration.n + 1)
    return Basis(n, calibration.alpha, threshold, median, fingerprint, share)
