"""/categories/{id}/calibration: good images in, what they are worth out."""

import asyncio
import uuid
from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request, Response

from app.categories import Category, parse_category
from app.errors import FieldError, UnknownSampleError
from app.finding import Finding
from app.http.category_schemas import (
    CalibrationAnswer,
    CalibrationEntry,
    Removed,
    SampleList,
    SampleView,
)
from app.http.problems import documented, problem_of
from app.http.uploads import Upload, read_form
from app.routes.access import ServiceDep, TimeLimit, require_key, unless_gone
from app.routes.categories import require_registered
from app.routes.category_view import calibrations
from app.routes.descriptions import CALIBRATION_DESCRIPTION
from app.routes.links import CALIBRATION_LINKS, SAMPLES_LINKS
from app.routes.openapi import CALIBRATION_BODY, CategoryId, SampleId, operation_id
from app.service import Service
from app.standing import Standing
from app.store.records import SampleRecord, SampleScore

PATH = "/categories/{id}/calibration"
_MAX_FILENAME = 255
router = APIRouter(
    tags=["categories"],
    dependencies=[Depends(require_key)],
    generate_unique_id_function=operation_id,
)


@router.post(
    PATH,
    response_model=CalibrationAnswer,
    responses={**CALIBRATION_LINKS, **documented(401, 404, 413, 415, 422, 429, 503, 504)},
    openapi_extra=CALIBRATION_BODY,
    summary="Calibrate with good images",
    description=CALIBRATION_DESCRIPTION,
)
async def calibrate(id: CategoryId, request: Request, service: ServiceDep) -> CalibrationAnswer:
    with service.admit(service.policy.max_images):
        limit = TimeLimit(service.policy.timeout_s)
        uploads, standing, outcomes = await limit.over(_measured(id, request, service, limit.end))
        samples = [found for found in outcomes if isinstance(found, SampleRecord)]
        if samples:
            # Beyond the limit: who is told that it failed sends the same parts again, and parts
            # that were kept after all would then count twice.
            standing = await service.ledger.registry.add(
                standing.category, samples, registered=standing.registered
            )
    entries = [
        _entry(index, upload.filename, found, request)
        for index, (upload, found) in enumerate(zip(uploads, outcomes, strict=True))
    ]
    method = service.inspector.choose_method(None, service.policy.method)
    return _answer(method, standing, entries)


@router.get(
    PATH,
    response_model=SampleList,
    responses={**SAMPLES_LINKS, **documented(401, 404, 422, 503)},
    summary="The calibration's samples",
)
async def list_samples(id: CategoryId, service: ServiceDep) -> Response:
    """In the order they came, with every method's figures; the images are not kept."""
    standing = await require_registered(service, id)
    registry, key = service.ledger.registry, standing.category.key

    def listed() -> bytes:  # in a thread too: there may be thousands
        samples = registry.store.samples(key)
        answer = SampleList(
            category=standing.category.id,
            alpha=standing.category.alpha,
            calibrations=calibrations(standing),
            samples=[SampleView.model_validate(sample) for sample in samples],
        )
        return answer.model_dump_json().encode()

    return Response(await registry.run(listed), media_type="application/json")


@router.delete(
    PATH,
    response_model=Removed,
    responses=documented(401, 404, 422, 503),
    summary="Take all samples out",
)
async def clear(id: CategoryId, service: ServiceDep) -> Removed:
    standing = await require_registered(service, id)
    registry, key = service.ledger.registry, standing.category.key
    removed = await registry.run(lambda: registry.store.clear_samples(key))
    registry.forget(key)
    return Removed(removed=removed)


@router.delete(
    PATH + "/{sample}",
    response_model=Removed,
    responses=documented(401, 404, 422, 503),
    summary="Take one sample out",
)
async def remove(id: CategoryId, sample: SampleId, service: ServiceDep) -> Removed:
    """For a part that was not good after all, or a picture gone wrong. Taking good parts out
    because of their score voids the promised rates: they hold for parts that nobody chose by it."""
    standing = await require_registered(service, id)
    registry, key = service.ledger.registry, standing.category.key
    if not await registry.run(lambda: registry.store.delete_sample(key, sample)):
        raise UnknownSampleError(f"category {standing.category.id!r} has no sample {sample[:64]!r}")
    registry.forget(key)
    return Removed(removed=1)


async def _measured(
    id: str, request: Request, service: Service, deadline: float
) -> tuple[list[Upload], Standing, list[SampleRecord | Exception]]:
    """The posted images, the category, and of each image its sample or what is wrong with it."""
    named = request.query_params.getlist("category")
    limits = service.policy.upload_limits(service.policy.max_images)
    form = await read_form(request.headers.get("content-type"), request.stream(), limits)
    _refuse_other_category(parse_category(id), named + form.fields.get("category", []))
    if not form.images:
        raise FieldError("image: is missing; expected at least one image of a good part")
    standing = await service.standing(id)
    request.state.notes.update(category=standing.category.id, images=len(form.images))
    outcomes = await unless_gone(request, _outcomes(form.images, standing, service, deadline))
    return form.images, standing, outcomes


def _refuse_other_category(category: Category, named: list[str]) -> None:
    for text in filter(None, named):
        if parse_category(text).key != category.key:
            raise FieldError(
                f"category: is {text[:64]!r}, but the path says {category.id!r}; expected the same "
                "or none"
            )


async def _outcomes(
    uploads: list[Upload], standing: Standing, service: Service, deadline: float
) -> list[SampleRecord | Exception]:
    # A category that cannot be used is the whole request's error, not every image's.
    await service.inspector.learn(standing.category)
    # No more at once than the model takes together: one request must not fill the queue.
    turns = asyncio.Semaphore(service.inspector.batcher.max_batch)

    async def one(upload: Upload) -> SampleRecord | Exception:
        async with turns:
            try:
                if upload.error:
                    raise upload.error
                category = standing.category
                sha256, found = await service.inspector.measure(upload.data, category, deadline)
            except Exception as error:
                return error
            return _sample(upload, standing.fingerprint, sha256, found)

    return await asyncio.gather(*(one(upload) for upload in uploads))


def _sample(
    upload: Upload, fingerprint: str, sha256: str, found: dict[str, tuple[Finding, float]]
) -> SampleRecord:
    scores = tuple(
        SampleScore(method, fingerprint, finding.score, finding.map_score, median)
        for method, (finding, median) in found.items()
    )
    name = upload.filename and upload.filename.replace("\x00", "")[:_MAX_FILENAME]
    return SampleRecord(uuid.uuid4().hex, datetime.now(UTC), sha256, name or None, scores)


def _entry(
    index: int, filename: str | None, found: SampleRecord | Exception, request: Request
) -> CalibrationEntry:
    if isinstance(found, SampleRecord):
        return CalibrationEntry(index=index, filename=filename, sample=found.id)
    return CalibrationEntry(index=index, filename=filename, problem=problem_of(found, request))


def _answer(method: str, standing: Standing, entries: list[CalibrationEntry]) -> CalibrationAnswer:
    states = calibrations(standing)
    chosen = next(state for state in states if state.method == method)
    failed = sum(entry.problem is not None for entry in entries)
    return CalibrationAnswer(
        category=standing.category.id,
        alpha=standing.category.alpha,
        added=len(entries) - failed,
        failed=failed,
        calibrations=states,
        entries=entries,
        **chosen.model_dump(exclude={"state", "reason", "outdated"}),
    )
