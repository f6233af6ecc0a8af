"""/categories/{id}/calibration: good images in, what they are worth out."""

import asyncio
import uuid
from datetime import UTC, datetime

import numpy as np
from fastapi import APIRouter, Depends, Request

from app.categories import Category
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
from app.roi import inside
from app.routes.access import ServiceDep, TimeLimit, require_key, unless_gone
from app.routes.categories import calibrations, require_registered
from app.routes.openapi import CALIBRATION_BODY, CALIBRATION_DESCRIPTION
from app.service import Service
from app.standing import Standing
from app.store.records import SampleRecord, SampleScore

PATH = "/categories/{id}/calibration"
_MAX_FILENAME = 255
router = APIRouter(tags=["categories"], dependencies=[Depends(require_key)])


@router.post(
    PATH,
    response_model=CalibrationAnswer,
    responses=documented(401, 404, 413, 422, 429, 503, 504),
    openapi_extra=CALIBRATION_BODY,
    summary="Calibrate with good images",
    description=CALIBRATION_DESCRIPTION,
)
async def calibrate(id: str, request: Request, service: ServiceDep) -> CalibrationAnswer:
    with service.admit(service.policy.max_images):
        limit = TimeLimit(service.policy.timeout_s)
        return await limit.over(_calibrate(id, request, service, limit.end))


@router.get(
    PATH,
    response_model=SampleList,
    responses=documented(401, 404, 422, 503),
    summary="The calibration's samples",
)
async def list_samples(id: str, service: ServiceDep) -> SampleList:
    """In the order they came, with every method's figures; the images are not kept."""
    standing = await require_registered(service, id)
    return SampleList(
        category=standing.category.id,
        calibrations=calibrations(standing),
        samples=[SampleView.model_validate(found) for found in await _samples(service, standing)],
    )


@router.delete(
    PATH,
    response_model=Removed,
    responses=documented(401, 404, 422, 503),
    summary="Take all samples out",
)
async def clear(id: str, service: ServiceDep) -> Removed:
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
async def remove(id: str, sample: str, service: ServiceDep) -> Removed:
    standing = await require_registered(service, id)
    registry, key = service.ledger.registry, standing.category.key
    if not await registry.run(lambda: registry.store.delete_sample(key, sample)):
        raise UnknownSampleError(f"category {standing.category.id!r} has no sample {sample[:64]!r}")
    registry.forget(key)
    return Removed(removed=1)


async def _calibrate(
    id: str, request: Request, service: Service, deadline: float
) -> CalibrationAnswer:
    limits = service.policy.upload_limits(service.policy.max_images)
    form = await read_form(request.headers.get("content-type"), request.stream(), limits)
    if not form.images:
        raise FieldError("image: is missing; expected at least one image of a good part")
    standing = await service.standing(id)
    request.state.notes.update(category=standing.category.id, images=len(form.images))
    outcomes = await unless_gone(request, _measured(form.images, standing, service, deadline))
    samples = [found for found in outcomes if isinstance(found, SampleRecord)]
    if samples:
        # Not cut off once begun: who is told of a failure finds none of them, who is told
        # nothing may find all.
        adding = service.ledger.registry.add(standing.category, samples)
        standing = await asyncio.shield(asyncio.ensure_future(adding))
    entries = [
        CalibrationEntry(index=index, filename=upload.filename, sample=found.id)
        if isinstance(found, SampleRecord)
        else CalibrationEntry(
            index=index, filename=upload.filename, problem=problem_of(found, request)
        )
        for index, (upload, found) in enumerate(zip(form.images, outcomes, strict=True))
    ]
    return await _answer(service, standing, entries)


async def _measured(
    uploads: list[Upload], standing: Standing, service: Service, deadline: float
) -> list[SampleRecord | Exception]:
    """Each upload's sample, or what is wrong with it."""
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
                sha256, findings = await service.inspector.measure(upload.data, category, deadline)
            except Exception as error:
                return error
            return _sample(upload, standing, sha256, findings)

    return await asyncio.gather(*(one(upload) for upload in uploads))


def _sample(
    upload: Upload, standing: Standing, sha256: str, findings: dict[str, Finding]
) -> SampleRecord:
    scores = tuple(
        SampleScore(
            method,
            standing.fingerprint,
            finding.score,
            finding.map_score,
            _median(finding, standing.category),
        )
        for method, finding in findings.items()
    )
    name = upload.filename and upload.filename.replace("\x00", "")[:_MAX_FILENAME]
    return SampleRecord(uuid.uuid4().hex, datetime.now(UTC), sha256, name or None, scores)


def _median(finding: Finding, category: Category) -> float:
    anomaly = finding.anomaly
    if category.roi is not None:
        return float(np.median(anomaly[inside(category.roi, anomaly.shape[0])]))
    return float(np.median(anomaly))


async def _answer(
    service: Service, standing: Standing, entries: list[CalibrationEntry]
) -> CalibrationAnswer:
    method = service.inspector.choose_method(None, service.policy.method)
    states = calibrations(standing)
    chosen = next(state for state in states if state.method == method)
    samples = await _samples(service, standing)
    return CalibrationAnswer(
        category=standing.category.id,
        alpha=standing.category.alpha,
        repeated=len(samples) - len({sample.image_sha256 for sample in samples}),
        calibrations=states,
        entries=entries,
        **chosen.model_dump(
            include={
                "method",
                "n",
                "needed",
                "calibrated",
                "expected_rate",
                "rate_95",
                "anomaly_threshold",
                "map_threshold",
            }
        ),
    )


async def _samples(service: Service, standing: Standing) -> list[SampleRecord]:
    registry, key = service.ledger.registry, standing.category.key
    return await registry.run(lambda: registry.store.samples(key))
