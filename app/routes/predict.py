"""POST /predict: one image in, scores and heatmap out, as JSON, PNG or npy."""

import base64
import io
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.categories import Category
from app.errors import FieldError
from app.inspection import Inspection, Question, Rendering
from app.negotiation import negotiate
from app.problems import documented
from app.routes.access import ServiceDep, TimeLimit, require_key, unless_gone
from app.routes.openapi import PREDICT_BODY, PREDICT_DESCRIPTION, PREDICT_RESPONSES
from app.schemas import (
    Heatmap,
    ModelSummary,
    Prediction,
    PredictOptions,
    ScoreParts,
    Timing,
)
from app.service import Service
from app.uploads import Form, read_form

JSON, PNG, NPY = "application/json", "image/png", "application/x-npy"
router = APIRouter(tags=["inspection"], dependencies=[Depends(require_key)])


@router.post(
    "/predict",
    response_model=Prediction,
    responses={
        **PREDICT_RESPONSES,
        **documented(400, 401, 404, 406, 413, 415, 422, 429, 500, 503, 504),
    },
    openapi_extra=PREDICT_BODY,
    summary="Inspect one image",
    description=PREDICT_DESCRIPTION,
)
async def predict(
    request: Request, options: Annotated[PredictOptions, Query()], service: ServiceDep
) -> Response:
    with service.admit():
        limit = TimeLimit(service.policy.timeout_s)
        return await limit.over(_predict(request, options, service, limit.end))


async def _predict(
    request: Request, options: PredictOptions, service: Service, deadline: float
) -> Response:
    media_type = choose_media_type(request, (JSON, PNG, NPY))
    form = await read_form(
        request.headers.get("content-type"), request.stream(), service.policy.upload_limits(1)
    )
    options = merge_fields(options, form)
    if media_type == PNG and options.heatmap == "none":
        raise FieldError("heatmap: is none, but Accept asks for image/png; expected overlay or map")
    category, question = ask(options, service, render=media_type != NPY)
    note(request, options, category)
    if not form.images:
        raise FieldError("image: is missing; expected one image")
    (upload,) = form.images
    if upload.error:
        raise upload.error
    inspection = await unless_gone(
        request, service.inspector.inspect(upload.data, question, deadline)
    )
    record(service, inspection)
    score = repr(inspection.finding.score)
    request.state.notes["score"] = inspection.finding.score
    if media_type == JSON:
        answer = prediction(request, options, question, inspection, service)
        return Response(answer.model_dump_json(), media_type=JSON, headers={"Vary": "Accept"})
    headers = {"X-Anomaly-Score": score, "Vary": "Accept"}
    if media_type == PNG and inspection.rendering:
        return Response(inspection.rendering.png, media_type=PNG, headers=headers)
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(inspection.finding.anomaly, dtype=np.float32))
    return Response(buffer.getvalue(), media_type=NPY, headers=headers)


def choose_media_type(request: Request, offers: tuple[str, ...]) -> str:
    """What to answer with; raises 406 when nothing of it is acceptable."""
    accept = ",".join(request.headers.getlist("accept"))
    chosen = negotiate(accept, offers)
    if chosen is None:
        raise HTTPException(406, f"Accept {accept[:200]!r}: expected one of {', '.join(offers)}")
    return chosen


def merge_fields(options: PredictOptions, form: Form) -> PredictOptions:
    """The query's options, what the form says taking precedence; raises as FastAPI does.

    An empty value says nothing: a form that was left blank does not erase the query's.
    """
    fields = {
        name: form.fields[name] for name in PredictOptions.model_fields if name in form.fields
    }
    for name, values in fields.items():
        if len(values) > 1:
            raise FieldError(f"{name}: is given {len(values)} times; expected once")
    given = options.model_dump(exclude_unset=True)
    return parse_options(given | {name: text for name, (text,) in fields.items() if text})


def parse_options(fields: Mapping[str, Any]) -> PredictOptions:
    """Named texts -> options; raises RequestValidationError, as FastAPI does for a query."""
    try:
        return PredictOptions.model_validate(fields)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in details]
        ) from error


def ask(options: PredictOptions, service: Service, *, render: bool) -> tuple[Category, Question]:
    """The category and what is asked about each image; raises what the policy forbids."""
    category = service.policy.category(options.category)
    method = service.inspector.choose_method(options.method, service.policy.method)
    heatmap = options.heatmap if render else "none"
    return category, Question(category, method, heatmap, options.size == "model")


def note(request: Request, options: PredictOptions, category: Category) -> None:
    """Leave in the request's log line what it was about."""
    notes: dict[str, Any] = request.state.notes
    notes["category"] = category.id
    notes.update(
        (name, value)
        for name, value in (("part_id", options.part_id), ("station", options.station))
        if value is not None
    )


def record(service: Service, inspection: Inspection) -> None:
    """Count the time of each step."""
    for stage, seconds in inspection.seconds.items():
        service.metrics.stages.labels(stage).observe(seconds)


def prediction(
    request: Request,
    options: PredictOptions,
    question: Question,
    inspection: Inspection,
    service: Service,
) -> Prediction:
    """An inspection as it goes over the wire; nothing is calibrated, so nothing is decided."""
    finding = inspection.finding
    return Prediction(
        request_id=request.state.request_id,
        category=question.category.id,
        object=question.category.object,
        method=question.method,
        part_id=options.part_id,
        station=options.station,
        anomaly_score=finding.score,
        score_parts=ScoreParts(text=finding.text_score, map=finding.map_score),
        calibrated=False,
        anomaly_threshold=None,
        is_anomalous=None,
        p_value=None,
        map_threshold=None,
        regions=[],
        heatmap=_heatmap(inspection.rendering),
        model=ModelSummary.model_validate(service.inspector.detector.info),
        timing_ms=Timing(
            **{step: round(seconds * 1000, 2) for step, seconds in inspection.seconds.items()}
        ),
    )


def _heatmap(rendering: Rendering | None) -> Heatmap | None:
    if rendering is None:
        return None
    return Heatmap(
        width=rendering.width,
        height=rendering.height,
        scale=rendering.scale.kind,
        low=rendering.scale.low,
        high=rendering.scale.high,
        data=base64.b64encode(rendering.png).decode("ascii"),
    )
