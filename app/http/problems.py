"""Errors -> RFC 9457 problems: the one place where an error becomes an HTTP status."""

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount
from starlette.types import Scope

from app import errors
from app.http import names
from app.http.schemas import Problem

MEDIA_TYPE = "application/problem+json"
_KINDS = "urn:clip-ad:problem:"
_RETRY_WHEN_STARTING_S = 2
_LOGGED = 300  # characters of a detail, so that the log says why
_NAMING = (names.UNKNOWN, names.REPEATED)
_TOLD = 3  # faults of naming in a detail; `errors` has the rest
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_RETRY_AFTER: dict[str, Any] = {
    "Retry-After": {
        "description": "Seconds after which to ask again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_HEADERS: Mapping[int, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": {
            "description": "How to authenticate.",
            "required": True,
            "schema": {"type": "string", "const": "Bearer"},
        }
    },
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
_log = logging.getLogger(__name__)

# The nearest ancestor listed here decides.
_STATUS: Mapping[type[errors.ClipAdError], tuple[int, str, str]] = {
    errors.ImageDecodeError: (400, "image-does-not-decode", "The image does not decode"),
    errors.UnknownCategoryError: (404, "unknown-category", "The category is not known"),
    errors.UnknownSampleError: (404, "unknown-sample", "There is no such sample"),
    errors.ImageTooLargeError: (413, "image-too-large", "The image is too large"),
    errors.BodyTooLargeError: (413, "body-too-large", "The body is too large"),
    errors.ImageFormatError: (415, "image-format", "Not an allowed image format"),
    errors.NothingVisibleError: (422, "nothing-visible", "Nothing of the image is visible"),
    errors.ObjectNameError: (422, "object-name", "A category or its words are outside the rules"),
    errors.MethodError: (422, "method", "The method is not available"),
    errors.InputError: (422, "field", "A field is missing, not known, given twice or out of range"),
    errors.CapacityError: (429, "too-many-requests", "No room at present"),
    errors.NotReadyError: (503, "not-ready", "Not serving at present"),
    errors.DeadlineError: (504, "deadline", "The request took too long"),
}


def status_of(error: Exception) -> int:
    """HTTP status of an error raised on purpose; 500 for every other."""
    kind = _kind(error)
    return _STATUS[kind][0] if kind else 500


def problem_of(error: Exception, request: Request) -> Problem:
    """Any exception -> Problem. What was not raised on purpose is logged and says only its id."""
    request_id: str = request.state.request_id
    path = request.url.path
    if kind := _kind(error):
        status, name, title = _STATUS[kind]
        return Problem(
            type=_KINDS + name,
            title=title,
            status=status,
            detail=str(error),
            instance=path,
            request_id=request_id,
        )
    if isinstance(error, RequestValidationError):
        return _invalid(error, path, request_id)
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        return Problem(
            type="about:blank",
            title=phrase,
            status=error.status_code,
            detail=str(error.detail or phrase),
            instance=path,
            request_id=request_id,
        )
    _log.error("request %s failed", request_id, exc_info=error)
    return Problem(
        type="about:blank",
        title=HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
        status=500,
        detail=f"Something went wrong here; the log has it under request {request_id}.",
        instance=path,
        request_id=request_id,
    )


def problem_response(error: Exception, request: Request) -> Response:
    """Any exception -> response in `application/problem+json`, with the headers it calls for."""
    problem = problem_of(error, request)
    request.state.notes["problem"] = problem.type.removeprefix(_KINDS)
    request.state.notes["detail"] = problem.detail[:_LOGGED]
    headers = dict(getattr(error, "headers", None) or {})
    if isinstance(error, errors.CapacityError):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if isinstance(error, errors.NotReadyError):
        headers["Retry-After"] = str(_RETRY_WHEN_STARTING_S)
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def install(app: FastAPI) -> None:
    """Let every error of an application, FastAPI's own included, be answered as a problem."""

    async def handle(request: Request, error: Exception) -> Response:
        response = problem_response(error, request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(_allowed(app, request.scope))
        return response

    for kind in (errors.ClipAdError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for these error statuses."""
    return {
        status: {
            "description": _description(status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status in statuses
    }


def _description(status: int) -> str:
    titles = [title for code, _, title in _STATUS.values() if code == status]
    return "; ".join(titles) or HTTPStatus(status).phrase


def _allowed(app: FastAPI, scope: Scope) -> list[str]:
    """Methods that the request's path takes; the framework names those of its first route alone."""
    routes = [route for route in app.router.routes if not isinstance(route, Mount)]
    taken = [
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return taken or ["GET", "HEAD"]  # a mount's, which has files


def _kind(error: Exception) -> type[errors.ClipAdError] | None:
    return next((kind for kind in type(error).__mro__ if kind in _STATUS), None)


def _invalid(error: RequestValidationError, path: str, request_id: str) -> Problem:
    details: Sequence[Any] = error.errors()
    shown = [
        {"loc": list(item["loc"]), "msg": item["msg"], "type": item["type"]} for item in details
    ]
    first = shown[0] if shown else {"loc": [], "msg": "invalid request", "type": ""}
    # One misspelt name hides no other: whoever sees the detail alone can mend them all.
    told = [item for item in shown if item["type"] in _NAMING][:_TOLD] or [first]
    return Problem(
        type=_KINDS + "field",
        title=_STATUS[errors.InputError][2],
        status=422,
        detail="; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in told),
        instance=path,
        request_id=request_id,
        errors=jsonable_encoder(shown),
    )
