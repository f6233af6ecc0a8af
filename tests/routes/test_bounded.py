"""JSON bodies: the key first, then no more than so many bytes in so much time."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Message

from app.routes.bounded import MAX_JSON_BYTES
from tests.routes.conftest import Serve

PATHS = [("PUT", "/categories/nut"), ("POST", "/categories/import")]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_the_key_comes_before_the_body(serve: Serve, method: str, path: str) -> None:
    app = serve(api_keys="secret").app

    async def never() -> Message:
        raise AssertionError("the body was asked for")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
    asyncio.run(app(scope, never, send))
    assert sent[0]["status"] == 401


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_a_body_over_the_limit_is_refused(serve: Serve, method: str, path: str) -> None:
    big = b'{"object": "' + b"x" * MAX_JSON_BYTES + b'"}'
    answer = serve().request(method, path, content=big)
    assert (answer.status_code, answer.json()["type"]) == (
        413,
        "urn:clip-ad:problem:body-too-large",
    )
    assert str(MAX_JSON_BYTES) in answer.json()["detail"]


def test_a_body_at_the_limit_is_read(serve: Serve) -> None:
    text = json.dumps({"alpha": 0.25})
    padded = text[:-1] + " " * (MAX_JSON_BYTES - len(text)) + "}"
    headers = {"Content-Type": "application/json"}
    answer = serve().put("/categories/nut", content=padded, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["alpha"] == 0.25


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("body", [b'{"object": "\xff"}', b"[" * 100_000, b"{"])
def test_what_is_no_json_is_a_field_out_of_range(
    serve: Serve, method: str, path: str, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = serve().request(method, path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:clip-ad:problem:field")


def test_a_body_that_does_not_come_ends_at_the_deadline(serve: Serve) -> None:
    client = serve(request_timeout_s=0.2)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    async def put() -> httpx.Response:
        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            headers = {"Content-Type": "application/json"}
            return await http.put("/categories/nut", content=stalled(), headers=headers)

    answer = asyncio.run(put())
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:clip-ad:problem:deadline")
