"""/categories: what a line posts, the words for it, what is wanted of it; and as a file."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from app.calibration import DEFAULT_ALPHA, expected_rate, needed, rate_95
from app.categories import Category, parse_category, spoken
from app.clipad.prompts import Domain, Wording
from app.errors import UnknownCategoryError
from app.http.category_schemas import (
    CalibrationState,
    CategoryChange,
    CategoryFile,
    CategoryView,
    Resolution,
    SampleView,
)
from app.http.problems import documented
from app.roi import parse_roi
from app.routes.access import ServiceDep, require_key
from app.service import Service
from app.standing import MethodStanding, Standing
from app.store.records import SampleRecord, SampleScore

router = APIRouter(tags=["categories"], dependencies=[Depends(require_key)])
_ERRORS = (401, 404, 422, 503)
_Pixels = Annotated[int | None, Query(ge=1, le=1_000_000)]


@router.get(
    "/categories",
    response_model=list[CategoryView],
    responses=documented(401, 503),
    summary="All registered categories",
)
async def list_categories(service: ServiceDep) -> list[CategoryView]:
    """By id, each with its calibrations."""
    return [await view(service, found) for found in await service.ledger.registry.listed()]


@router.get(
    "/categories/{id}",
    response_model=CategoryView,
    responses=documented(*_ERRORS),
    summary="One category",
)
async def get_category(
    id: str, service: ServiceDep, width: _Pixels = None, height: _Pixels = None
) -> CategoryView:
    """With `width` and `height` of an image, how many pixels of it one map cell is."""
    return await view(service, await require_registered(service, id), width, height)


@router.put(
    "/categories/{id}",
    response_model=CategoryView,
    responses=documented(*_ERRORS, 429),
    summary="Register a category, or change it",
)
async def put_category(
    id: str, service: ServiceDep, change: CategoryChange | None = None
) -> CategoryView:
    """What is left out stays as it is; samples stay too. Its texts are encoded now, so that the
    first image does not wait. Other words or another region ask for a new calibration; another
    alpha does not."""
    service.lifecycle.require_ready()
    standing = await service.ledger.registry.find(parse_category(id))
    wanted = change.model_dump(exclude_unset=True) if change else {}
    # In a thread: a large mask takes half a second to read.
    category = await asyncio.to_thread(changed, standing.category, wanted)
    await service.inspector.learn(category)
    service.ledger.drift.forget(category.key)
    return await view(service, await service.ledger.registry.put(category))


@router.delete(
    "/categories/{id}",
    status_code=204,
    responses=documented(*_ERRORS),
    summary="Forget a category with its calibration",
)
async def delete_category(id: str, service: ServiceDep) -> Response:
    category = parse_category(id)
    service.ledger.drift.forget(category.key)
    if not await service.ledger.registry.delete(category.key):
        raise _unknown(category)
    return Response(status_code=204)


@router.get(
    "/categories/{id}/export",
    response_model=CategoryFile,
    responses=documented(*_ERRORS),
    summary="A category with its calibration as one file",
)
async def export_category(id: str, service: ServiceDep) -> CategoryFile:
    """To be given to `POST /categories/import` of another machine. The calibration decides there
    if the same model is served."""
    standing = await require_registered(service, id)
    registry, key = service.ledger.registry, standing.category.key
    samples = await registry.run(lambda: registry.store.samples(key))
    return CategoryFile(
        id=standing.category.id,
        category=CategoryChange.model_validate(_settings(standing.category)),
        samples=[SampleView.model_validate(sample) for sample in samples],
    )


@router.post(
    "/categories/import",
    response_model=CategoryView,
    responses=documented(*_ERRORS, 429),
    summary="Take over a category from such a file",
)
async def import_category(file: CategoryFile, service: ServiceDep) -> CategoryView:
    """Replaces a category of that id, its samples included."""
    service.lifecycle.require_ready()
    wanted = file.category.model_dump(exclude_unset=True)
    category = await asyncio.to_thread(changed, parse_category(file.id), wanted)
    await service.inspector.learn(category)
    samples = [
        SampleRecord(
            uuid.uuid4().hex,  # the file may be taken over twice, under two names
            sample.created,
            sample.image_sha256,
            sample.filename,
            tuple(SampleScore(**score.model_dump()) for score in sample.scores),
        )
        for sample in file.samples
    ]
    service.ledger.drift.forget(category.key)
    return await view(service, await service.ledger.registry.replace(category, samples))


async def require_registered(service: Service, id: str) -> Standing:
    """The registered category; raises UnknownCategoryError where there is none."""
    category = parse_category(id)
    standing = await service.ledger.registry.find(category)
    if not standing.registered:
        raise _unknown(category)
    return standing


def changed(category: Category, change: Mapping[str, Any]) -> Category:
    """The category with what is in the change in its place, None being the default.

    Raises ObjectNameError or FieldError for what is outside its rules.
    """
    now = _settings(category) | dict(change)
    wording = Wording(
        (now["object"] or "").strip() or spoken(category.id),
        Domain(now["domain"] or Domain.INDUSTRIAL),
        tuple(now["normal_states"] or ()),
        tuple(now["abnormal_states"] or ()),
    )
    roi = None if now["roi"] is None else parse_roi(now["roi"])
    alpha = DEFAULT_ALPHA if now["alpha"] is None else now["alpha"]
    return Category(category.id, category.key, wording, now["rvs"], alpha, roi)


async def view(
    service: Service, standing: Standing, width: int | None = None, height: int | None = None
) -> CategoryView:
    """A standing as it goes over the wire; sizes in pixels."""
    category, inspector = standing.category, service.inspector
    info = inspector.detector.info
    cells = max(1, info.side // info.patch)
    return CategoryView(
        id=category.id,
        registered=standing.registered,
        **_settings(category),
        cached=await asyncio.to_thread(inspector.knows, category),
        fingerprint=standing.fingerprint,
        calibrations=calibrations(standing),
        resolution=Resolution(
            cells=cells,
            cell_share=1 / cells,
            cell_width_px=None if width is None else width / cells,
            cell_height_px=None if height is None else height / cells,
        ),
    )


def calibrations(standing: Standing) -> list[CalibrationState]:
    """Every method's calibration as it goes over the wire."""
    return [_state(method, found) for method, found in standing.methods.items()]


def _state(method: str, found: MethodStanding) -> CalibrationState:
    calibration = found.calibration
    n, alpha = calibration.n, calibration.alpha
    return CalibrationState(
        method=method,
        state=found.state,
        reason=_reason(found, needed(alpha)),
        n=n,
        outdated=found.outdated,
        needed=needed(alpha),
        calibrated=calibration.decides,
        expected_rate=expected_rate(n, alpha),
        rate_95=rate_95(n, alpha),
        anomaly_threshold=calibration.threshold,
        map_threshold=calibration.map_threshold,
    )


def _reason(found: MethodStanding, wanted: int) -> str:
    n, outdated = found.calibration.n, found.outdated
    rest = (
        f"; {outdated} more were measured with another model, other words or another region and "
        "do not count"
        if outdated
        else ""
    )
    if found.calibration.decides:
        return f"decides by {n} good images{rest}"
    return f"{n} good images, {wanted} are needed{rest}"


def _settings(category: Category) -> dict[str, Any]:
    wording = category.wording
    return {
        "object": wording.object,
        "domain": wording.domain,
        "normal_states": list(wording.normal_states) or None,
        "abnormal_states": list(wording.abnormal_states) or None,
        "rvs": category.rvs,
        "alpha": category.alpha,
        "roi": None if category.roi is None else category.roi.as_json(),
    }


def _unknown(category: Category) -> UnknownCategoryError:
    return UnknownCategoryError(f"category {category.id!r} is not registered")
