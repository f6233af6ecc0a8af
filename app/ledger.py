"""What a running service remembers: its categories, each inspection, and how they drift.

One store beneath all three. Knows nothing of HTTP or settings.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.drift import Drift
from app.inspection import Inspection
from app.inspection_log import InspectionLog
from app.registry import Registry
from app.standing import Standing
from app.store.records import InspectionRecord
from app.store.store import Store

_STORE_THREADS = 4
_CLOSE_S = 10.0


@dataclass(frozen=True)
class Retention:
    """How long the inspection log is kept: by age, None without end, and by count, 0 keeps none."""

    days: float | None
    rows: int


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
        self._executor = ThreadPoolExecutor(_STORE_THREADS, thread_name_prefix="store")
        self.registry = Registry(store, self._executor, methods, model)
        self._logs = retention.rows > 0
        # Without a log it still prunes: what an earlier run kept goes too.
        self.log = InspectionLog(
            store.log, lambda: store.prune(_oldest(retention), retention.rows), dropped=dropped
        )

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
                    p_value=decision.p_value if decision else None,
                    is_anomalous=decision.is_anomalous if decision else None,
                    fingerprint=standing.fingerprint,
                    image_sha256=inspection.sha256,
                )
            )
        calibration = standing.calibration(method)
        if decision and calibration and calibration.median is not None:
            self.drift.observe(
                standing.category.key, method, score, decision.is_anomalous, calibration.median
            )

    def close(self) -> None:
        """Write what is left of the log, then close the store; blocks for some seconds at most."""
        self.log.close(_CLOSE_S)
        self._executor.shutdown(wait=True)
        self.store.close()


def _oldest(retention: Retention) -> datetime | None:
    if retention.days is None:
        return None
    return datetime.now(UTC) - timedelta(days=retention.days)
