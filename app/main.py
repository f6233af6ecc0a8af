"""The only composition root: settings -> a FastAPI application with everything in its place."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

import torch
from fastapi import FastAPI

from app.cpus import model_threads, usable_cpus
from app.drift import Drift
from app.errors import ConfigurationError, ObjectNameError
from app.finding import Detector, Finding, Sample, model_run
from app.http import problems
from app.http.farewell import Farewell
from app.http.origin_form import OriginForm
from app.http.security import SecurityHeaders
from app.http.spool import Spools
from app.http.telemetry import Metrics, TelemetryMiddleware
from app.images.reading import ImageLimits
from app.inspection import Inspector
from app.ledger import Ledger, Retention
from app.parts import Pools, load_detector, make_policy, open_store
from app.presentation import Presenter
from app.routes import (
    batch,
    calibration,
    categories,
    inspections,
    operations,
    page,
    predict,
)
from app.service import Service
from app.serving.admission import Admission
from app.serving.batching import Batcher
from app.serving.ending import leave_hung, stop_serving
from app.serving.lifecycle import Lifecycle
from app.serving.pace import Pace
from app.serving.signals import drain_first
from app.serving.watchdog import Watchdog
from app.settings import PREFIX, SAMPLES, Settings, load_settings
from app.startup import compute_one, in_daemon_thread, warm_up, warm_up_sizes
from app.store.store import Store
from app.vocabulary import Vocabulary

TITLE = "CLIP-AD"
TAGS = ("inspection", "categories", "inspections", "operations")
REAL_MODEL = "ViT-B-16-plus-240 laion400m_e31"
_LOOK_S = 0.5
_log = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    detector: Detector | None = None,
    on_failure: Callable[[Exception], None] | None = None,
    on_hang: Callable[[], None] | None = None,
) -> FastAPI:
    """The application; with `detector` None the one in the settings is loaded after the start.

    Until one real prediction has run, `/readyz` and `/predict` answer 503. on_failure is told
    when loading fails for good; without it that is only logged. on_hang: ends a process whose model
    hangs, after its connections are closed; without it that is only said by `/healthz`.
    Raises ConfigurationError for settings that cannot be used at all.
    """
    lifecycle, pace = Lifecycle(), Pace()
    room = settings.queue_capacity + settings.max_batch
    admission = Admission(room, pace, settings.request_timeout_s)
    spools = Spools(settings.data_dir)
    service = Service(make_policy(settings), lifecycle, admission, Metrics(), spools)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with drain_first(lifecycle, admission, settings.request_timeout_s):
            pools = Pools()
            if detector is not None:
                store = await asyncio.to_thread(open_store, settings)
                await _start(service, settings, detector, store, pace, pools)
                loading = None
            else:
                loading = asyncio.create_task(_load(service, settings, pace, pools, on_failure))
            watching = asyncio.create_task(_watch(service, settings, on_hang))
            try:
                yield
            finally:  # also where whoever runs it fails: torch aborts under a thread left behind
                if on_hang is not None and not lifecycle.lives:
                    on_hang()  # what follows would wait for the model
                lifecycle.drain()
                if loading is not None:
                    loading.cancel()
                if service.loaded is not None:
                    await service.loaded.batcher.drain()
                watching.cancel()  # not sooner: a model that hangs now would be waited for forever
                if service.opened is not None:
                    await asyncio.to_thread(service.opened.close)
                pools.shutdown()

    app = FastAPI(
        title=TITLE,
        version=version("clip-ad"),
        description="Zero-shot visual inspection: a picture and the part's name in, an anomaly "
        "score and a heatmap out.",
        docs_url=None,
        redoc_url=None,
        openapi_tags=[{"name": name} for name in TAGS],
        lifespan=lifespan,
    )
    app.state.service = service
    app.add_middleware(TelemetryMiddleware, metrics=service.metrics)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Farewell, lifecycle=lifecycle)
    app.add_middleware(OriginForm)
    problems.install(app)
    # In the document's order, as its tags are: what one came for stands first.
    for routes in (predict, batch, categories, calibration, inspections):
        app.include_router(routes.router)
    operations.install(app)
    page.install(app, SAMPLES)
    return app


async def _watch(service: Service, settings: Settings, on_hang: Callable[[], None] | None) -> None:
    """Watch the model's thread from when the service is ready."""
    while service.loaded is None:
        await asyncio.sleep(_LOOK_S)
    inspector = service.loaded
    await Watchdog(
        inspector.batcher.worker,
        service.lifecycle,
        probe=lambda: compute_one(
            inspector.detector, inspector.batcher, service.policy.default_category
        ),
        abandon=inspector.batcher.abandon,
        leave=lambda: None if on_hang is None else stop_serving(on_hang),
        limit_s=settings.model_timeout_s,
    ).watch()


def create_configured_app() -> FastAPI:
    """The application of the environment's settings, for servers that want a factory."""
    settings = load_settings()
    configure_threads(settings)
    return create_app(settings, on_hang=leave_hung)


def configure_threads(settings: Settings) -> None:
    """As many CPU threads per computation as configured, or as this process may use."""
    torch.set_num_threads(settings.threads or model_threads(usable_cpus()))


async def _load(
    service: Service,
    settings: Settings,
    pace: Pace,
    pools: Pools,
    on_failure: Callable[[Exception], None] | None,
) -> None:
    """Load the weights beside the event loop; whatever goes wrong ends in state `failed`."""
    try:
        # First what is quick to fail: a database that cannot be used stops the start.
        store = await in_daemon_thread(lambda: open_store(settings))
        async with _closed_on_failure(service, store):
            detector = await in_daemon_thread(lambda: load_detector(settings))
        await _start(service, settings, detector, store, pace, pools)
    except Exception as error:
        service.lifecycle.failed()
        if not isinstance(error, ConfigurationError):
            _log.error("the model could not be started", exc_info=error)
        if on_failure is not None:
            on_failure(error)
        else:
            _log.error("cannot start: %s", error)


async def _start(
    service: Service,
    settings: Settings,
    detector: Detector,
    store: Store,
    pace: Pace,
    pools: Pools,
) -> None:
    """Put detector and store to work: one real prediction, then `ready`.

    Closes the store when that fails.
    """
    async with _closed_on_failure(service, store):
        if settings.method is not None and settings.method not in detector.methods:
            raise ConfigurationError(
                f"{PREFIX}METHOD={settings.method!r}: needs linear heads; "
                f"expected one of {', '.join(detector.methods)}"
            )
        service.opened = Ledger(
            store,
            Drift(service.metrics.registry),
            detector.methods,
            detector.info.fingerprint,
            Retention(settings.log_days, settings.log_rows),
            service.metrics.log_dropped.inc,
        )
        await _get_ready(service, settings, detector, pace, pools)


@asynccontextmanager
async def _closed_on_failure(service: Service, store: Store) -> AsyncIterator[None]:
    """The store, and the ledger on it if there is one by then, closed when this fails."""
    try:
        yield
    except BaseException:  # a start that is cancelled too
        opened, service.opened = service.opened or store, None
        await asyncio.to_thread(opened.close)
        raise


async def _get_ready(
    service: Service, settings: Settings, detector: Detector, pace: Pace, pools: Pools
) -> None:
    """Put the inspector together, let it make one real prediction, and say so."""
    batcher = Batcher[Sample, Finding](
        model_run(detector, service.metrics.batch_size.observe),
        max_batch=settings.max_batch,
        max_wait_s=settings.max_wait_ms / 1000,
        capacity=settings.queue_capacity,
        pace=pace,
    )
    vocabulary = Vocabulary(detector, pools.texts, settings.max_new_categories_per_minute)

    presenter = Presenter(settings.max_heatmap_side, settings.colour_map)

    def inspector(limits: ImageLimits) -> Inspector:
        return Inspector(detector, batcher, vocabulary, pools.images, limits, presenter)

    try:
        await warm_up(inspector, service.policy.default_category, pools.texts)
        await warm_up_sizes(detector, batcher, service.policy.default_category)
    except ObjectNameError as error:
        raise ConfigurationError(f"{PREFIX}DEFAULT_CATEGORY: {error}") from error
    service.loaded = inspector(ImageLimits(settings.max_upload_bytes, settings.max_pixels))
    service.lifecycle.started()
    if detector.info.demo:
        _log.warning(
            "this is the embedded demo backbone, not fit for inspection; for the real one run "
            "`scripts/fetch_weights %s` and set %sBACKBONE and %sWEIGHTS",
            REAL_MODEL,
            PREFIX,
            PREFIX,
        )
    _log.info(
        "ready on %s:%d: backbone %s, methods %s, on %s",
        settings.host,
        settings.port,
        detector.info.backbone,
        "+".join(detector.methods),
        detector.info.device,
    )
