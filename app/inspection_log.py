"""The inspection log's way to the disk: rows in from the event loop, written in an own thread.

A prediction never waits for it and never fails by it. While nothing can be written, rows wait and
are tried again. Rows are lost, and the loss counted, where there is no more room, where one is
refused for its own sake, and where the process ends before they are written.

Of too many rows the newest are lost: the log then has one gap, which begins where the warning says
so, and no row that was taken is ever taken back.

Why none of the library's: `logging.handlers.QueueHandler` with its QueueListener turns values into
log records and hands them on one by one, a transaction each, prints to stderr when its queue is
full and waits without limit at the end; a ThreadPoolExecutor's queue has no bound. OpenTelemetry's
BatchLogRecordProcessor has this shape (a bounded queue, batches, a delay to gather them, an end
within a time), but takes the SDK's own records alone and leaves second tries to exporters.
Knows nothing of databases or HTTP.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, repeat

from app.errors import NotReadyError
from app.store.records import InspectionRecord

_QUIET_S = 60  # between two log lines about the same trouble
_log = logging.getLogger(__name__)


class InspectionLog:
    """Collects records from any thread and hands them to `write` in its own, in order.

    write: keeps all of these rows, or none and raises. NotReadyError: none can be kept at present;
    the same are tried again until they are. Any other error: one of them never will be; the halves
    are tried, down to that row, which is dropped.
    prune: removes a part of what is too old and says whether there may be more; must not take long.
    Run in the same thread at the start and every prune_every_s seconds, until there is no more;
    rows that wait are written in between.
    capacity: rows waiting at most, those being written not counted. batch: rows per write at most.
    dropped: told how many rows are lost, one call at a time; must be quick and not raise.
    pause_s: how long a first row waits for company. again_s: the pauses before each further try of
    what cannot be written at present; the last one stays.
    """

    def __init__(
        self,
        write: Callable[[Sequence[InspectionRecord]], None],
        prune: Callable[[], bool],
        *,
        capacity: int = 10_000,
        batch: int = 500,
        prune_every_s: float = 60,
        dropped: Callable[[int], None],
        pause_s: float = 0.05,
        again_s: Sequence[float] = (1, 2, 5),
    ) -> None:
        self._write = write
        self._prune = prune
        self._capacity = capacity
        self._batch = batch
        self._prune_every_s = prune_every_s
        self._dropped = dropped
        self._pause_s = pause_s
        self._again_s = again_s
        self._rows: deque[InspectionRecord] = deque()
        self._changed = threading.Condition()
        self._accepted = 0
        self._settled = 0  # of the accepted, those written or lost
        self._closing = False
        self._abandoned = False
        self._failures, self._overflows, self._refusals = _Complaint(), _Complaint(), _Complaint()
        self._thread = threading.Thread(target=self._work, name="inspection-log", daemon=True)
        self._thread.start()

    def put(self, record: InspectionRecord) -> None:
        """Take a record to be written soon; one too many, or one after the close, is dropped."""
        with self._changed:
            if not self._closing and len(self._rows) < self._capacity:
                self._rows.append(record)
                self._accepted += 1
                # The thread waits for a first row or for a full batch; others need not wake it.
                if len(self._rows) in (1, self._batch):
                    self._changed.notify_all()
                return
            self._dropped(1)
            overflowed = not self._closing and self._overflows.due()
        if overflowed:
            _log.warning(
                "%d inspections wait to be logged: no room, new ones are lost", self._capacity
            )

    def flush(self, timeout_s: float) -> bool:
        """Wait until all put so far is written or lost; False when it takes longer. Blocks."""
        with self._changed:
            goal = self._accepted
            return self._changed.wait_for(lambda: self._settled >= goal, timeout_s)

    def close(self, timeout_s: float) -> None:
        """Write what is left, then end; for so many seconds at most. Blocks.

        What cannot be written now is not waited for: a last try, then all that is left counts as
        dropped; as does what is not written in time, even where a write under way yet succeeds.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        with self._changed:
            lost = self._accepted - self._settled
            if not lost:
                return
            self._abandoned = True
            self._rows.clear()
            self._settled += lost
            self._dropped(lost)
            self._changed.notify_all()
        _log.error("%d inspections could not be logged before the end: lost", lost)

    def _work(self) -> None:
        due = time.monotonic()
        while True:
            if time.monotonic() >= due and not self._prune_some():
                due = time.monotonic() + self._prune_every_s
            # All that waits now comes before more is pruned. What comes meanwhile does not: a log
            # that is filled without a pause must be pruned too.
            for _ in range(1 + len(self._rows) // self._batch):
                rows = self._take(due)
                if rows is None:
                    return
                if not self._keep(rows):
                    return

    def _prune_some(self) -> bool:
        """Whether there may be more."""
        if self._closing:
            return False  # the time left is for what is not yet written
        try:
            return self._prune()
        except Exception:
            _log.exception("old inspections could not be removed from the log")
            return False

    def _take(self, until: float) -> list[InspectionRecord] | None:
        """The next rows, none where none came by then, None at the end."""
        with self._changed:
            wait_s = max(0.0, until - time.monotonic())
            self._changed.wait_for(lambda: self._rows or self._closing, wait_s)
            if self._rows:
                self._changed.wait_for(
                    lambda: len(self._rows) >= self._batch or self._closing, self._pause_s
                )
            if self._closing and not self._rows:
                return None
            return [self._rows.popleft() for _ in range(min(self._batch, len(self._rows)))]

    def _keep(self, rows: Sequence[InspectionRecord]) -> bool:
        """Write these rows, however long it takes; False where the end comes first."""
        pauses = chain(self._again_s, repeat(self._again_s[-1]))
        while rows and not self._abandoned:
            last = self._closing
            error = self._try(rows)
            if error is None:
                self._settle(len(rows))
                break
            if not isinstance(error, NotReadyError):
                return self._keep_all_but_refused(rows, error)
            if self._failures.due():
                _log.error("inspections cannot be logged: tried again", exc_info=error)
            if last:
                return False
            with self._changed:
                self._changed.wait_for(lambda: self._closing, next(pauses))
        return not self._abandoned

    def _keep_all_but_refused(self, rows: Sequence[InspectionRecord], error: Exception) -> bool:
        """As `_keep`, for rows of which one at least was refused."""
        if len(rows) > 1:
            half = len(rows) // 2
            return self._keep(rows[:half]) and self._keep(rows[half:])
        if self._refusals.due():
            _log.warning("an inspection is refused by the log: lost", exc_info=error)
        self._settle(1, lost=True)
        return True

    def _settle(self, rows: int, *, lost: bool = False) -> None:
        with self._changed:
            if self._abandoned:
                return  # counted already
            if lost:
                self._dropped(rows)
            self._settled += rows
            self._changed.notify_all()

    def _try(self, rows: Sequence[InspectionRecord]) -> Exception | None:
        """Why they were not written; None where they were."""
        try:
            self._write(rows)
        except Exception as error:
            return error
        return None


class _Complaint:
    """Whether a trouble is to be logged again: at its first time, then once in a while."""

    def __init__(self) -> None:
        self._again = -float("inf")

    def due(self) -> bool:
        now = time.monotonic()
        if now < self._again:
            return False
        self._again = now + _QUIET_S
        return True
