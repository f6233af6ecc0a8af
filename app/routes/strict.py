"""Routes that take what their document says and nothing else: the key first, then names, then JSON.

FastAPI itself passes over query parameters that it does not know, keeps the last of those given
twice, and reads and parses a whole body, however long, before it looks at any dependency.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from email.message import Message
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.types import Message as Event
from starlette.types import Receive

from app.errors import BodyTooLargeError
from app.http.json_text import plain
from app.http.names import faults, models_in, with_nearest
from app.routes.access import TimeLimit, check_key, require_key, service_of

MAX_JSON_BYTES = 4 * 1024 * 1024
_JSON = "application/json"


class StrictRoute(APIRoute):
    """For operations of the document; what is not in it (pages, their files) may be asked anyhow.

    Answers 401, 413 or 504 before a JSON body is parsed, and 422 for names before any work. A
    multipart form's names are looked at where it is read: `app.routes.forms`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, behind the rules."""
        handle = super().get_route_handler()
        if not self.include_in_schema:
            return handle
        known = dict.fromkeys(_query_names(self.dependant), False)
        needs_key = any(each.call is require_key for each in self.dependant.dependencies)
        takes_json = _takes_json(self)

        async def strict(request: Request) -> Response:
            found = faults((name for name, _ in request.query_params.multi_items()), known, "query")
            if needs_key and (found or takes_json):
                await check_key(request)
            if found:
                raise RequestValidationError(found)
            if not takes_json:
                return await handle(request)
            body = await _json(request)
            try:
                return await handle(Request(request.scope, _replay(body, request.receive)))
            except RequestValidationError as error:
                raise self._explained(error) from error

        return strict

    def _explained(self, error: RequestValidationError) -> RequestValidationError:
        annotation = self.body_field and self.body_field.field_info.annotation
        for model in models_in(annotation):
            return RequestValidationError(with_nearest(error.errors(), model))
        return error  # the operation reads its body itself


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        models = list(models_in(field.field_info.annotation))
        yield from (name for model in models for name in model.model_fields)
        if not models:
            yield field.alias
    for other in dependant.dependencies:
        yield from _query_names(other)


def _takes_json(route: APIRoute) -> bool:
    own = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
    return route.body_field is not None or _JSON in own


async def _json(request: Request) -> bytes:
    """A whole body of JSON in UTF-8, read under limits; empty where none came."""
    limit = TimeLimit(service_of(request).policy.timeout_s)
    body = await limit.over(_whole(request))
    if body:
        _require_json(request.headers.get("content-type"))
        body = await asyncio.to_thread(plain, body)
    return body


async def _whole(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON_BYTES:
            raise BodyTooLargeError(
                f"body has more than {MAX_JSON_BYTES} bytes: expected at most so many of JSON"
            )
    return bytes(body)


def _require_json(content_type: str | None) -> None:
    # As FastAPI does for its own bodies: a page of another site cannot announce JSON.
    message = Message()
    message["content-type"] = content_type or "application/octet-stream"
    kind = message.get_content_type()
    if kind != _JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        said = f"Content-Type is {kind!r}; expected JSON, announced by `Content-Type: {_JSON}`"
        raise RequestValidationError([{"type": "content_type", "loc": ("body",), "msg": said}])


def _replay(body: bytes, receive: Receive) -> Receive:
    """Receives a body that was read; what comes after it can only be the client's leaving."""
    left = [body]

    async def again() -> Event:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return again
