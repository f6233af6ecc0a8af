"""How the process is and what it serves: health, readiness, metrics, the model, the docs."""

import dataclasses
from importlib.metadata import version
from importlib.resources import files

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST

from app.http.problems import documented
from app.http.schemas import ModelCard, Status
from app.http.security import DOCS_POLICY
from app.routes import openapi
from app.routes.access import ServiceDep
from app.routes.openapi import operation_id
from app.routes.strict import StrictRoute
from app.serving.lifecycle import State

_ASSETS = "/docs/assets"
_ERRORS = documented(422, 503)
router = APIRouter(
    tags=["operations"], route_class=StrictRoute, generate_unique_id_function=operation_id
)


@router.head("/healthz", name="healthz_head", responses=_ERRORS, summary="Without a body")
@router.get("/healthz", response_model=Status, responses=_ERRORS, summary="The process lives")
async def healthz(service: ServiceDep) -> Status:
    """200 as long as the process can answer; 503 once only another process can help."""
    service.lifecycle.require_life()
    return Status(status="ok")


@router.head("/readyz", name="readyz_head", responses=_ERRORS, summary="Without a body")
@router.get(
    "/readyz",
    response_model=Status,
    responses=_ERRORS,
    summary="Predictions are being served",
)
async def readyz(service: ServiceDep) -> Status:
    """200 once the weights are loaded and one real prediction has run; 503 before that and while
    the process drains."""
    service.lifecycle.require_ready()
    return Status(status="ready")


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "Prometheus text format"},
        **documented(422),
    },
    summary="Metrics for Prometheus",
)
async def metrics(service: ServiceDep) -> Response:
    """Requests by route and status, times by step, batch sizes, the queue."""
    measured = service.metrics
    measured.ready.set(service.lifecycle.state is State.READY)
    measured.waiting.set(service.loaded.batcher.waiting if service.loaded else 0)
    if service.loaded:
        measured.unwritten_texts.set(service.loaded.detector.unwritten_texts)
    return Response(measured.text(), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/model",
    response_model=ModelCard,
    responses=_ERRORS,
    summary="The model being served",
)
async def model(service: ServiceDep) -> ModelCard:
    """Backbone, weights, parameters and methods, with the fingerprint over all that moves a
    score."""
    detector = service.inspector.detector
    return ModelCard(
        **dataclasses.asdict(detector.info),
        methods=list(detector.methods),
        default_method=service.policy.method or detector.default_method,
        version=version("clip-ad"),
    )


@router.get("/docs", include_in_schema=False)
async def docs() -> HTMLResponse:
    """Swagger UI from files of our own: a factory line may have no internet."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="CLIP-AD",
        swagger_js_url=f"{_ASSETS[1:]}/swagger-ui-bundle.js",
        swagger_css_url=f"{_ASSETS[1:]}/swagger-ui.css",
        swagger_favicon_url=f"{_ASSETS[1:]}/favicon.png",
    )
    page.headers["Content-Security-Policy"] = DOCS_POLICY
    return page


def install(app: FastAPI) -> None:
    """Routes, the docs' files and the document."""
    openapi.install(app)
    app.mount(_ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")))
    app.include_router(router)
