"""/categories/{id}/calibration: good images in, what they are worth out."""

from fastapi import APIRouter, Depends, Request, Response

from app.errors import UnknownSampleError
from app.http.category_schemas import (
    CalibrationAnswer,
    CalibrationEntry,
    Removed,
    SampleList,
    SampleView,
)
from app.http.problems import documented, problem_of
from app.routes.access import ServiceDep, require_key, unless_ending
from app.routes.categories import require_registered
from app.routes.category_view import calibrations
from app.routes.descriptions import CALIBRATION_DESCRIPTION
from app.routes.good_parts import AT_ONCE, measured
from app.routes.links import CALIBRATION_LINKS, SAMPLES_LINKS
from app.routes.openapi import (
    CALIBRATION_BODY,
    CALIBRATION_PATH,
    CategoryId,
    SameCategory,
    SampleId,
    operation_id,
)
from app.routes.strict import StrictRoute
from app.standing import Standing, as_read
from app.store.records import SampleRecord

router = APIRouter(
    tags=["categories"],
    dependencies=[Depends(require_key)],
    route_class=StrictRoute,
    generate_unique_id_function=operation_id,
)


@router.post(
    CALIBRATION_PATH,
    response_model=CalibrationAnswer,
    responses={**CALIBRATION_LINKS, **documented(401, 404, 413, 415, 422, 429, 503, 504)},
    openapi_extra=CALIBRATION_BODY,
    summary="Calibrate with good images",
    description=CALIBRATION_DESCRIPTION,
)
async def calibrate(
    id: CategoryId, request: Request, service: ServiceDep, category: SameCategory = None
) -> CalibrationAnswer:
    # Not a place for each: they wait on the disk, and only so many are in memory or in the queue.
    with service.admit(AT_ONCE):
        async with service.spools.open() as spool:
            found = await unless_ending(service, measured(id, category, request, service, spool))
        standing = found.standing
        samples = [outcome for outcome in found.outcomes if isinstance(outcome, SampleRecord)]
        if samples:
            # Beyond all limits: who is told that it failed sends the same parts again, and parts
            # that were kept after all would then count twice.
            standing = await service.ledger.registry.add(
                standing.category, samples, registered=standing.registered
            )
    entries = [
        _entry(index, upload.filename, outcome, request)
        for index, (upload, outcome) in enumerate(zip(found.uploads, found.outcomes, strict=True))
    ]
    method = service.inspector.choose_method(None, service.policy.method)
    return _answer(method, standing, entries)


@router.get(
    CALIBRATION_PATH,
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
            samples=[SampleView.model_validate(as_read(sample)) for sample in samples],
        )
        return answer.model_dump_json().encode()

    return Response(await registry.run(listed), media_type="application/json")


@router.delete(
    CALIBRATION_PATH,
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
    CALIBRATION_PATH + "/{sample}",
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
