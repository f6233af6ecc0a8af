"""Routes whose JSON body is read under limits: the key first, then so many bytes in so much time.

FastAPI itself reads and parses a whole body, however long, before it looks at any dependency.
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message

from app.errors import BodyTooLargeError, ClipAdError, DeadlineError
from app.routes.access import TimeLimit, check_key, service_of

MAX_JSON_BYTES = 4 * 1024 * 1024
_NO_JSON = {"type": "json_invalid", "loc": ("body",), "msg": "is not JSON in UTF-8"}


class BoundedRoute(APIRoute):
    """For routers with JSON bodies. Answers 401, 413 or 504 before anything is parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, behind the limits."""
        handle = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            await check_key(request)
            body = _Body(request, TimeLimit(service_of(request).policy.timeout_s))
            try:
                return await handle(Request(request.scope, body.receive))
            except HTTPException as error:
                # FastAPI makes one of whatever goes wrong while a body is read: 400, which here
                # says that an image does not decode.
                if body.error is not None:
                    raise body.error from None
                if error.status_code == HTTPStatus.BAD_REQUEST:
                    raise RequestValidationError([_NO_JSON]) from error
                raise

        return bounded


class _Body:
    """Receives for a request; keeps the error that ended it."""

    def __init__(self, request: Request, limit: TimeLimit) -> None:
        self._request = request
        self._limit = limit
        self._size = 0
        self._complete = False
        self.error: ClipAdError | None = None

    async def receive(self) -> Message:
        if self._complete:  # what comes now is the client's leaving
            return await self._request.receive()
        try:
            message = await self._limit.over(self._request.receive())
            self._size += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._size > MAX_JSON_BYTES:
                raise BodyTooLargeError(
                    f"body has more than {MAX_JSON_BYTES} bytes: expected at most so many of JSON"
                )
        except (BodyTooLargeError, DeadlineError) as error:
            self.error = error
            raise
        return message
