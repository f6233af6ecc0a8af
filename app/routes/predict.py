"""POST /predict: one image in, scores and heatmap out, as JSON, PNG or npy."""

import base64
import io
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.categories import parse_category
from app.errors import FieldError
from app.http.negotiation import negotiate
from app.http.problems import documented
from app.http.schemas import (
    Heatmap,
    ImageSource,
    ModelSummary,
    Prediction,
    PredictOptions,
    Region,
    ScoreParts,
    Timing,
)
from app.http.uploads import Form
from app.inspection import Inspection, Question
from app.presentation import Rendering
from app.routes.access import ServiceDep, TimeLimit, require_key, unless_gone
from app.routes.descriptions import PREDICT_DESCRIPTION
from app.routes.forms import read_form
from app.routes.openapi import PREDICT_BODY, PREDICT_RESPONSES, operation_id
from app.routes.strict import StrictRoute
from app.service import Service
from app.standing import Standing

JSON, PNG, NPY = "application/json", "image/png", "application/x-npy"
router = APIRouter(
    tags=["inspection"],
    dependencies=[Depends(require_key)],
    route_class=StrictRoute,
    generate_unique_id_function=operation_id,
)


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
    form = await read_form(request, service.policy.upload_limits(1))
    options = merge_fields(options, form)
    if media_type == PNG and options.heatmap == "none":
        raise FieldError("heatmap: is none, but Accept asks for image/png; expected overlay or map")
    standing, question = await ask(options, service, render=media_type != NPY)
    note(request, options, options.category or standing.category.id)
    if not form.images:
        raise FieldError("image: is missing; expected one image")
    (upload,) = form.images
    if upload.error:
        raise upload.error
    inspection = await unless_gone(
        request, service.inspector.inspect(upload.data, question, deadline)
    )
    record(request, options, standing, question, inspection, service)
    request.state.notes["score"] = inspection.finding.score
    headers = {**_figures(inspection, question), "Vary": "Accept"}
    if media_type == JSON:
        answer = prediction(request, options, standing, question, inspection, service)
        return Response(answer.model_dump_json(), media_type=JSON, headers=headers)
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
    """The query's options and the form's; raises as FastAPI does.

    An empty value says nothing: a form that was left blank does not erase the query's.
    """
    given = options.model_dump(exclude_unset=True)
    return parse_options(given | {name: text for name, (text,) in form.fields.items() if text})


def parse_options(fields: Mapping[str, Any]) -> PredictOptions:
    """Named texts -> options; raises RequestValidationError, as FastAPI does for a query."""
    try:
        return PredictOptions.model_validate(fields)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in details]
        ) from error


async def ask(
    options: PredictOptions, service: Service, *, render: bool
) -> tuple[Standing, Question]:
    """The category and what is asked about each image; raises what the policy forbids."""
    standing = await service.standing(options.category)
    method = service.inspector.choose_method(options.method, service.policy.method)
    question = Question(
        standing.category,
        method,
        options.heatmap if render else "none",
        options.size == "model",
        standing.calibration(method),
    )
    return standing, question


def note(request: Request, options: PredictOptions, category: str) -> None:
    """Leave in the request's log line what it was about."""
    notes: dict[str, Any] = request.state.notes
    notes["category"] = category
    notes.update(
        (name, value)
        for name, value in (("part_id", options.part_id), ("station", options.station))
        if value is not None
    )


def record(
    request: Request,
    options: PredictOptions,
    standing: Standing,
    question: Question,
    inspection: Inspection,
    service: Service,
) -> None:
    """Count the time of each step, and remember the inspection."""
    for stage, seconds in inspection.seconds.items():
        service.metrics.stages.labels(stage).observe(seconds)
    service.ledger.record(
        standing,
        inspection,
        request_id=request.state.request_id,
        category=_named(options, standing),
        method=question.method,
        part_id=options.part_id,
        station=options.station,
    )


def prediction(
    request: Request,
    options: PredictOptions,
    standing: Standing,
    question: Question,
    inspection: Inspection,
    service: Service,
) -> Prediction:
    """An inspection as it goes over the wire; without a calibration nothing is decided."""
    finding, decision = inspection.finding, inspection.decision
    calibration = question.calibration
    summary = ModelSummary.model_validate(service.inspector.detector.info)
    return Prediction(
        request_id=request.state.request_id,
        category=_named(options, standing),
        object=question.category.object,
        method=question.method,
        part_id=options.part_id,
        station=options.station,
        anomaly_score=finding.score,
        score_parts=ScoreParts(text=finding.text_score, map=finding.map_score),
        calibrated=calibration is not None,
        anomaly_threshold=calibration.threshold if calibration else None,
        is_anomalous=decision.is_anomalous if decision else None,
        p_value=decision.p_value if decision else None,
        map_threshold=calibration.map_threshold if calibration else None,
        regions=[
            Region(box=found.box, area=found.area, peak=found.peak) for found in inspection.regions
        ],
        image=ImageSource.model_validate(inspection.source),
        heatmap=_heatmap(inspection.rendering),
        model=summary.model_copy(update={"fingerprint": standing.fingerprint}),
        timing_ms=Timing(
            **{step: round(seconds * 1000, 2) for step, seconds in inspection.seconds.items()}
        ),
    )


def _named(options: PredictOptions, standing: Standing) -> str:
    """The category as it was posted, trimmed as its rules do."""
    if options.category is None:
        return standing.category.id
    return parse_category(options.category).id


def _figures(inspection: Inspection, question: Question) -> dict[str, str]:
    """The headers that carry the figures: for bodies without them, and clients that read none."""
    headers = {"X-Anomaly-Score": repr(inspection.finding.score)}
    if inspection.decision and question.calibration:
        headers["X-Anomaly-Threshold"] = repr(question.calibration.threshold)
        headers["X-Is-Anomalous"] = str(inspection.decision.is_anomalous).lower()
    return headers


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
