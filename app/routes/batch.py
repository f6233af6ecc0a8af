"""POST /predict/batch: several images of one category; a bad one never fails its neighbours."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import TypeAdapter

from app.errors import FieldError
from app.http.problems import documented, problem_of
from app.http.schemas import BatchEntry, PredictOptions
from app.http.uploads import Form, Upload
from app.inspection import Question
from app.routes.access import ServiceDep, TimeLimit, require_key, unless_gone
from app.routes.descriptions import BATCH_DESCRIPTION
from app.routes.forms import read_form
from app.routes.openapi import BATCH_BODY, operation_id
from app.routes.predict import (
    JSON,
    ask,
    choose_media_type,
    merge_fields,
    note,
    parse_options,
    prediction,
    record,
)
from app.routes.strict import StrictRoute
from app.service import Service
from app.standing import Standing

router = APIRouter(
    tags=["inspection"],
    dependencies=[Depends(require_key)],
    route_class=StrictRoute,
    generate_unique_id_function=operation_id,
)
_entries = TypeAdapter(list[BatchEntry])


@router.post(
    "/predict/batch",
    response_model=list[BatchEntry],
    responses=documented(401, 404, 406, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=BATCH_BODY,
    summary="Inspect several images of one category",
    description=BATCH_DESCRIPTION,
)
async def predict_batch(
    request: Request, options: Annotated[PredictOptions, Query()], service: ServiceDep
) -> Response:
    # A batch may hold as many images in memory as that many single requests.
    with service.admit(service.policy.max_images):
        limit = TimeLimit(service.policy.timeout_s)
        return await limit.over(_predict_batch(request, options, service, limit.end))


async def _predict_batch(
    request: Request, options: PredictOptions, service: Service, deadline: float
) -> Response:
    choose_media_type(request, (JSON,))
    limits = service.policy.upload_limits(service.policy.max_images)
    form = await read_form(request, limits)
    if not form.images:
        raise FieldError("image: is missing; expected at least one image")
    part_ids = _part_ids(form)
    options = merge_fields(options, form)
    standing, question = await ask(options, service, render=True)
    note(request, options, options.category or standing.category.id)
    request.state.notes["images"] = len(form.images)
    # No more at once than the model takes together: one batch must not fill the queue.
    turns = asyncio.Semaphore(service.inspector.batcher.max_batch)

    async def answer(index: int, upload: Upload) -> BatchEntry:
        async with turns:
            own = options.model_copy(update={"part_id": part_ids[index]} if part_ids else {})
            return await _entry(request, own, standing, question, service, index, upload, deadline)

    async def answers() -> list[BatchEntry]:
        # A category that cannot be used is the whole request's error, not every image's.
        await service.inspector.learn(standing.category)
        return await asyncio.gather(*(answer(i, upload) for i, upload in enumerate(form.images)))

    entries = await unless_gone(request, answers())
    return Response(_entries.dump_json(entries), media_type=JSON)


async def _entry(
    request: Request,
    options: PredictOptions,
    standing: Standing,
    question: Question,
    service: Service,
    index: int,
    upload: Upload,
    deadline: float,
) -> BatchEntry:
    try:
        if upload.error:
            raise upload.error
        inspection = await service.inspector.inspect(upload.data, question, deadline)
    except Exception as error:
        problem = problem_of(error, request)
        return BatchEntry(index=index, filename=upload.filename, problem=problem)
    record(request, options, standing, question, inspection, service)
    answer = prediction(request, options, standing, question, inspection, service)
    return BatchEntry(index=index, filename=upload.filename, prediction=answer)


def _part_ids(form: Form) -> list[str | None]:
    """One part id per image, or none at all; taken out of the form's other fields."""
    part_ids = form.fields.pop("part_id", [])
    if len(part_ids) not in (0, len(form.images)):
        raise FieldError(
            f"part_id: is given {len(part_ids)} times; expected none or "
            f"{len(form.images)}, one per image"
        )
    return [parse_options({"part_id": part_id}).part_id for part_id in part_ids]
