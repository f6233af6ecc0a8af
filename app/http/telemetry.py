"""What can be seen of the service from outside a response: request ids, log lines, metrics.

One middleware around everything else. It logs no image bytes and no keys.
"""

import logging
import re
import time
import uuid

from fastapi import Request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.problems import METHODS, problem_response

REQUEST_ID = "X-Request-ID"
CLIENT_LEFT = 499  # nobody is there to read a status; nginx's number for it in logs and metrics
_UNMATCHED = "unmatched"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_log = logging.getLogger(__name__)


class Metrics:
    """The Prometheus metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "clipad_requests_total",
            "Requests answered, by route, method and status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "clipad_request_seconds",
            "Time from a request's head to its answer's end.",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "clipad_stage_seconds",
            "Time of each step of a prediction.",
            ("stage",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "clipad_batch_images",
            "Images computed together.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        self.waiting = Gauge(
            "clipad_queue_images", "Images waiting for the model.", registry=self.registry
        )
        self.log_dropped = Counter(
            "clipad_log_dropped_total",
            "Lines of the inspection log that were lost.",
            registry=self.registry,
        )
        self.unwritten_texts = Gauge(
            "clipad_unwritten_texts",
            "Text features that could not be kept on disk since the start.",
            registry=self.registry,
        )
        self.ready = Gauge(
            "clipad_ready", "1 while predictions are served.", registry=self.registry
        )

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class TelemetryMiddleware:
    """Gives each request its id, answers what nobody caught with 500, logs and counts."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get(REQUEST_ID))
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["notes"] = {}
        status = CLIENT_LEFT
        answering = False

        async def send_with_id(message: Message) -> None:
            nonlocal status, answering
            if message["type"] == "http.response.start":
                status, answering = message["status"], True
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        begin = time.perf_counter()
        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            _log.debug("request %s: the client left", request_id)
        except Exception as error:
            if answering:
                raise
            response = problem_response(error, Request(scope))
            await response(scope, receive, send_with_id)
        finally:
            self._record(scope, status, time.perf_counter() - begin)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        method = _method(scope["method"]) if route != _UNMATCHED else "any"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        noted: dict[str, object] = scope["state"]["notes"]
        request_id = scope["state"]["request_id"]
        client = (scope.get("client") or ["unknown"])[0]
        _log.info(
            "%s %s %d %.1fms client=%s request_id=%s%s",
            scope["method"],
            ascii(scope["path"])[1:-1],
            status,
            seconds * 1000,
            client,
            request_id,
            "".join(f" {name}={value!r}" for name, value in noted.items()),
            extra={
                "fields": {
                    "event": "request",
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "ms": round(seconds * 1000, 1),
                    "client": client,
                    "request_id": request_id,
                    **noted,
                }
            },
        )


def _route(scope: Scope) -> str:
    """The route as it was declared: no more of them than there are, whatever is asked."""
    declared = getattr(scope.get("route"), "path", None)
    if declared is not None:
        return str(declared)
    if "endpoint" not in scope:
        return _UNMATCHED
    # Of these FastAPI does not say which it was: a folder of files, or a path without parameters.
    root, outer = scope["root_path"], scope.get("app_root_path", scope["root_path"])
    folder = root.removeprefix(outer)
    return f"{folder}/{{file}}" if folder else scope["path"].removeprefix(root)


def _method(name: str) -> str:
    """A method as a label: who makes some up gets no line for each."""
    return name if name in METHODS else "other"


def _request_id(offered: str | None) -> str:
    return offered if offered and _SANE.fullmatch(offered) else uuid.uuid4().hex
