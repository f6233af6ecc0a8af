"""/categories: what a line posts, the words for it, what is wanted of it; and as a file."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from app.categories import Category, parse_category
from app.errors import UnknownCategoryError
from app.http.category_schemas import CategoryChange, CategoryFile, CategoryView
from app.http.problems import documented
from app.routes import category_file
from app.routes.access import ServiceDep, require_key
from app.routes.category_change import change_of
from app.routes.category_view import view
from app.routes.links import CATEGORY_LINKS
from app.routes.openapi import CategoryId, operation_id
from app.routes.strict import StrictRoute
from app.service import Service
from app.standing import Standing, category_of

router = APIRouter(
    tags=["categories"],
    dependencies=[Depends(require_key)],
    route_class=StrictRoute,
    generate_unique_id_function=operation_id,
)
_ERRORS = (401, 404, 422, 503)
_CHANGE_ERRORS = (401, 413, 422, 429, 503, 504)
_JSON = "application/json"
_FILE = {"schema": {"$ref": "#/components/schemas/CategoryFile"}}
_IMPORT_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {_JSON: _FILE}}}
_Pixels = Annotated[int | None, Query(ge=1, le=1_000_000)]


@router.get(
    "/categories",
    response_model=list[CategoryView],
    responses=documented(401, 422, 503),
    summary="All registered categories",
)
async def list_categories(service: ServiceDep) -> list[CategoryView]:
    """By id, each with its calibrations."""
    listed = await service.ledger.registry.listed()
    return [await view(service.inspector, found) for found in listed]


@router.get(
    "/categories/{id}",
    response_model=CategoryView,
    responses=documented(*_ERRORS),
    summary="One category",
)
async def get_category(
    id: CategoryId, service: ServiceDep, width: _Pixels = None, height: _Pixels = None
) -> CategoryView:
    """With `width` and `height` of an image, how many pixels of it one map cell is."""
    standing = await require_registered(service, id)
    return await view(service.inspector, standing, width, height)


@router.put(
    "/categories/{id}",
    response_model=CategoryView,
    responses={**CATEGORY_LINKS, **documented(*_CHANGE_ERRORS)},
    summary="Register a category, or change it",
)
async def put_category(
    id: CategoryId, service: ServiceDep, change: CategoryChange | None = None
) -> CategoryView:
    """What is left out stays as it is; samples stay too. Its texts are encoded now, so that the
    first image does not wait. Other words or another region ask for a new calibration; another
    alpha does not."""
    service.lifecycle.require_ready()
    inspector, registry = service.inspector, service.ledger.registry
    category = parse_category(id)
    sent = change.model_dump(exclude_unset=True) if change else {}
    apply = await asyncio.to_thread(change_of, sent)
    learnt = apply((await registry.find(category)).category)
    await inspector.learn(learnt)
    # Applied to what is stored by now: another request may have changed other fields meanwhile.
    standing = await registry.change(category, apply)
    if standing.category != learnt:
        await inspector.learn(standing.category)
    return await view(inspector, standing)


@router.delete(
    "/categories/{id}",
    status_code=204,
    responses=documented(*_ERRORS),
    summary="Forget a category with its calibration",
)
async def delete_category(id: CategoryId, service: ServiceDep) -> Response:
    category = parse_category(id)
    known = await service.ledger.registry.delete(category.key)
    service.ledger.drift.forget(category.key)
    if not known:
        raise _unknown(category)
    return Response(status_code=204)


@router.get(
    "/categories/{id}/export",
    response_model=CategoryFile,
    responses=documented(*_ERRORS),
    summary="A category with its calibration as one file",
)
async def export_category(id: CategoryId, service: ServiceDep) -> Response:
    """To be given to `POST /categories/import` of another machine. The calibration decides there
    if the same model is served."""
    category, registry = parse_category(id), service.ledger.registry

    def written() -> bytes | None:
        record, samples = registry.store.state(category.key)
        return None if record is None else category_file.write(category_of(record), samples)

    file = await registry.run(written)
    if file is None:
        raise _unknown(category)
    return Response(file, media_type=_JSON)


@router.post(
    "/categories/import",
    response_model=CategoryView,
    responses={**CATEGORY_LINKS, **documented(*_CHANGE_ERRORS)},
    openapi_extra=_IMPORT_BODY,
    summary="Take over a category from such a file",
)
async def import_category(request: Request, service: ServiceDep) -> CategoryView:
    """Replaces a category of that id, its samples included."""
    service.lifecycle.require_ready()
    category, samples = await asyncio.to_thread(category_file.read, await request.body())
    await service.inspector.learn(category)
    standing = await service.ledger.registry.replace(category, samples)
    return await view(service.inspector, standing)


async def require_registered(service: Service, id: str) -> Standing:
    """The registered category; raises UnknownCategoryError where there is none."""
    category = parse_category(id)
    standing = await service.ledger.registry.find(category)
    if not standing.registered:
        raise _unknown(category)
    return standing


def _unknown(category: Category) -> UnknownCategoryError:
    return UnknownCategoryError(f"category {category.id!r} is not registered")
