"""Every input through a service, several at once; a line and a heatmap each, in their order."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.errors import FieldError, NotReadyError
from app.offline.detection import stamp
from app.offline.detection.inputs import Input
from app.offline.detection.keeping import FAILED, Keeper
from app.offline.detection.stamp import Stamp
from app.offline.detection.table import Table

REJECT, PASS, UNDECIDED = "reject", "pass", "undecided"
_BUSY = (429, 503)
_TRIES = 60
_LONGEST_S = 60.0  # between two tries
_LOST_S = 10  # the same after a lost connection; with all tries a service has minutes to restart
_END_S = 10.0  # for pictures under way when the run ends early
_THE_PICTURES = ("400", "413", "415")  # what is wrong with one picture, and will be again
_OURS = (401, 404, 406, 422)  # what is wrong with the question, and so with every file


@dataclass(frozen=True)
class Question:
    """What is asked of every file. method None: the service's default. heatmap: `overlay`, `map`
    or `none`; workers: files under way at once; station: noted in the inspection log.
    """

    category: str
    method: str | None
    heatmap: str
    size: str
    workers: int
    station: str | None


async def detect(
    http: httpx.AsyncClient,
    inputs: Sequence[Input],
    question: Question,
    table: Table,
    folder: Path,
    told: Callable[[Mapping[str, Any]], None],
) -> Counter[str]:
    """Ask for what is `left`; decisions of all inputs' lines.

    Raises FieldError where the question is refused, as it would be for every file, or where the
    answers are not of the table's model, and NotReadyError where the service stays busy or away:
    another run goes on from there.
    """
    waiting = deque(left(inputs, table))
    keeper = Keeper(table, folder, {item.name for item in waiting})
    under_way: deque[asyncio.Task[dict[str, Any]]] = deque()
    try:
        while waiting or under_way:
            while waiting and len(under_way) < question.workers:
                item = waiting.popleft()
                under_way.append(asyncio.create_task(_ask(http, item, question)))
            row = await under_way.popleft()
            keeper.keep(row)
            told(row)
    finally:
        await _let_finish(under_way)
    keeper.settle()
    named = {item.name for item in inputs}
    return Counter(row["decision"] or FAILED for row in table.rows if row["file"] in named)


def left(inputs: Sequence[Input], table: Table) -> list[Input]:
    """What the table has no line for, or one that says it failed by chance or is of another file.

    By chance is all but what was wrong with the picture: a share may be back, a server repaired.
    Another file under the same name has another size or time of change.
    """
    done = {
        row["file"]: row
        for row in table.rows
        if row["decision"] != FAILED or str(row["status"]) in _THE_PICTURES
    }
    return [
        item
        for item in inputs
        if item.name not in done or stamp.is_changed(item.path, done[item.name])
    ]


async def _ask(http: httpx.AsyncClient, item: Input, question: Question) -> dict[str, Any]:
    try:
        data, read = await asyncio.to_thread(stamp.read, item.path)
    except OSError as error:
        return _failure(item, stamp.NONE, "", f"cannot be read: {error.strerror}")
    if not data:  # a camera may still be at it
        return _failure(item, read, "", "is empty")
    parameters = {
        "category": question.category,
        "method": question.method,
        "heatmap": question.heatmap,
        "size": question.size,
        "station": question.station,
        "part_id": item.name[-128:],
    }
    wanted = {name: value for name, value in parameters.items() if value}
    try:
        answer = await _patiently(http, wanted, data)
    except httpx.TransportError as error:
        problem = str(error) or type(error).__name__
        raise NotReadyError(f"{item.name}: no answer in {_TRIES} tries: {problem}") from error
    status = answer.status_code
    if status == 200:
        return _row(item, read, answer.json())
    problem = _detail(answer)
    if status in _BUSY:
        raise NotReadyError(f"{item.name}: {status} after {_TRIES} tries: {problem}")
    if status in _OURS:
        raise FieldError(f"{problem} (--key, or CLIPAD_KEY)" if status == 401 else problem)
    return _failure(item, read, status, problem)


async def _let_finish(tasks: Collection[asyncio.Task[dict[str, Any]]]) -> None:
    """A model in this process must not be left in the middle of a picture: torch would abort."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_END_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _detail(answer: httpx.Response) -> str:
    """What a problem says; a proxy's own page says what its status is called."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, TypeError, KeyError):
        return f"{answer.status_code} {answer.reason_phrase}"


async def _patiently(
    http: httpx.AsyncClient, parameters: Mapping[str, str], data: bytes
) -> httpx.Response:
    """The answer; one that says it is busy is asked again when it wants to be.

    So is one that does not come. Raises httpx.TransportError where the last did not.
    """
    headers = {"Content-Type": "application/octet-stream", "Accept": "application/json"}
    for tried in range(1, _TRIES + 1):
        try:
            answer = await http.post("/predict", params=parameters, content=data, headers=headers)
        except httpx.TransportError:
            if tried == _TRIES:
                raise
            await asyncio.sleep(min(tried, _LOST_S, _LONGEST_S))
            continue
        if answer.status_code not in _BUSY:
            break
        wanted = answer.headers.get("Retry-After", "1")
        await asyncio.sleep(min(float(wanted) if wanted.isdecimal() else 1, _LONGEST_S))
    return answer


def _row(item: Input, read: Stamp, said: Mapping[str, Any]) -> dict[str, Any]:
    decided = said["is_anomalous"]
    return {
        **read._asdict(),
        **{name: said[name] for name in ("category", "object", "method", "regions")},
        **{name: said[name] for name in ("anomaly_score", "anomaly_threshold", "p_value")},
        **said["score_parts"],
        "file": item.name,
        "status": 200,
        "decision": UNDECIDED if decided is None else REJECT if decided else PASS,
        "heatmap": said["heatmap"]["data"] if said["heatmap"] else None,
        "fingerprint": said["model"]["fingerprint"],
        "problem": None,
    }


def _failure(item: Input, read: Stamp, status: object, problem: str) -> dict[str, Any]:
    return {
        **read._asdict(),
        "file": item.name,
        "status": status,
        "decision": FAILED,
        "category": "",
        "method": "",
        "fingerprint": "",
        "heatmap": None,
        "problem": problem,
    }
