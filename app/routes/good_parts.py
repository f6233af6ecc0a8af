"""Pictures of good parts on their way into a calibration: from the wire to the disk, and from there
a few at a time through the model, while predictions go on. Knows nothing of what is kept of them.

Each picture has the time of a request to arrive, to be decoded, and to be computed; all together
they take as long as they take.
"""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request

from app.categories import Category, parse_category
from app.errors import DeadlineError, FieldError, NotReadyError
from app.finding import Finding
from app.http.spool import Spool
from app.http.uploads import Form, Upload
from app.routes.access import TimeLimit, unless_gone
from app.routes.forms import read_form
from app.service import Service
from app.standing import Standing
from app.store.records import SampleRecord, SampleScore

AT_ONCE = 2  # of one request: while one picture is computed the next is decoded
_MAX_FILENAME = 255

Outcome = SampleRecord | Exception


@dataclass(frozen=True)
class Measured:
    """The posted pictures, each one's sample or what is wrong with it, and the category as it was
    when they were measured."""

    uploads: list[Upload]
    outcomes: list[Outcome]
    standing: Standing


async def measured(
    id: str, named: str | None, request: Request, service: Service, spool: Spool
) -> Measured:
    """A request's good parts, measured; nothing is kept yet. named: the query's `category`.

    Raises what concerns all of them: a form or a category that cannot be used, DeadlineError for
    one that does not arrive, NotReadyError where the process ends meanwhile.
    """
    _refuse_other_category(parse_category(id), [named])
    await service.standing(id)  # hundreds of megabytes need not come for a category that is unknown
    form = await _arrived(request, service, spool)
    _refuse_other_category(parse_category(id), form.fields.get("category", []))
    if not form.images:
        raise FieldError("image: is missing; expected at least one image of a good part")
    standing = await service.standing(id)
    request.state.notes.update(category=standing.category.id, images=len(form.images))
    # A category that cannot be used is the whole request's error, not every image's.
    learnt = TimeLimit(service.policy.timeout_s).over(service.inspector.learn(standing.category))
    await unless_gone(request, learnt)
    outcomes = await unless_gone(request, _outcomes(form.images, standing, service))
    return Measured(form.images, outcomes, standing)


async def _arrived(request: Request, service: Service, spool: Spool) -> Form:
    limits = service.policy.upload_limits(service.policy.max_calibration_images)
    seconds, count = service.policy.timeout_s, 0
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds) as limit:

            def arrived() -> None:
                nonlocal count
                count += 1
                limit.reschedule(loop.time() + seconds)

            return await read_form(request, limits, spool, arrived)
    except TimeoutError as error:
        raise DeadlineError(
            f"image {count + 1} has not arrived: expected each within {seconds:g} s; nothing of "
            "this request was kept"
        ) from error


async def _outcomes(uploads: list[Upload], standing: Standing, service: Service) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    waiting = iter(enumerate(uploads))
    # More of them in a batch would make those wait longer who ask for predictions.
    turn = asyncio.Lock()

    async def work(waiting: Iterator[tuple[int, Upload]]) -> None:
        for index, upload in waiting:
            outcomes[index] = await _outcome(upload, standing, service, turn)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work(waiting))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [outcomes[index] for index in range(len(uploads))]


async def _outcome(
    upload: Upload, standing: Standing, service: Service, turn: asyncio.Lock
) -> Outcome:
    """Raises NotReadyError where the process ends: then it will be so for all that are left."""
    try:
        if upload.error:
            raise upload.error
        inspector, category = service.inspector, standing.category
        decoding = inspector.prepare(lambda: upload.data, category)
        prepared = await TimeLimit(service.policy.timeout_s).over(decoding)
        async with turn:
            limit = TimeLimit(service.policy.timeout_s)
            sha256, found = await limit.over(inspector.measure(prepared, category, limit.end))
    except Exception as error:
        if service.lifecycle.ending and isinstance(error, NotReadyError):
            raise
        return error
    return _sample(upload, standing.fingerprint, sha256, found)


def _sample(
    upload: Upload, fingerprint: str, sha256: str, found: dict[str, tuple[Finding, float]]
) -> SampleRecord:
    scores = tuple(
        SampleScore(method, fingerprint, finding.score, finding.map_score, median)
        for method, (finding, median) in found.items()
    )
    name = upload.filename and upload.filename.replace("\x00", "")[:_MAX_FILENAME]
    return SampleRecord(uuid.uuid4().hex, datetime.now(UTC), sha256, name or None, scores)


def _refuse_other_category(category: Category, named: Sequence[str | None]) -> None:
    for text in filter(None, named):
        if parse_category(text).key != category.key:
            raise FieldError(
                f"category: is {text[:64]!r}, but the path says {category.id!r}; expected the same "
                "or none"
            )
