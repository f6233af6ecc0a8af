"""What the document does not say is refused: names of every operation, JSON that is none.

The key comes first, and a body has no more than so many bytes in so much time.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from app.routes.strict import MAX_JSON_BYTES
from tests.pictures import PNG
from tests.routes.conftest import Serve

PATHS = [("PUT", "/categories/nut"), ("POST", "/categories/import")]
JSON = {"Content-Type": "application/json"}
IMAGE = ("image", ("part.png", PNG))


def operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and what the document says, of every operation in it."""
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path.format(id="nut", sample="0" * 32), operation


def query_names(operation: dict[str, Any]) -> list[str]:
    return [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]


def form_fields(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    fields: dict[str, Any] = content.get("multipart/form-data", {"schema": {}})["schema"]
    return fields.get("properties", {})


def faults(answer: httpx2.Response) -> list[tuple[list[str], str]]:
    """Where and what a 422's errors are."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if answer.request.method == "HEAD":
        return []
    assert answer.json()["type"] == "urn:clip-ad:problem:field"
    return [(error["loc"], error["msg"]) for error in answer.json()["errors"]]


def test_every_operation_refuses_a_parameter_it_does_not_have(client: TestClient) -> None:
    walked = list(operations(client))
    assert len(walked) >= 19
    for method, path, operation in walked:
        answer = client.request(method, path, params={"colour": "red"})
        names = query_names(operation)
        one_of = "one of " if len(names) > 1 else ""
        says = f"expected {one_of}{', '.join(names) or 'none here'}"
        wanted = [(["query", "colour"], f"is not known; {says}")]
        assert faults(answer) == ([] if method == "HEAD" else wanted), (method, path)
        assert "422" in operation["responses"], (method, path)
        for name in names:
            meant = f"is not known; did you mean {name!r}?"
            for slip in (name.upper(), name.replace("_", "-") + "s", f"{name[:1]}_{name[1:]}"):
                answer = client.request(method, path, params={slip: "x"})
                assert faults(answer) == [(["query", slip], meant)], (method, path)


def test_every_operation_refuses_a_parameter_given_twice(client: TestClient) -> None:
    doubled = 0
    for method, path, operation in operations(client):
        for name in query_names(operation):
            for values in ("xy", "xx", ["", "x"]):
                answer = client.request(method, path, params=[(name, value) for value in values])
                wanted = [(["query", name], "is given 2 times; expected once")]
                assert faults(answer) == wanted, (method, path)
                doubled += 1
    assert doubled >= 3 * 24


def test_every_form_refuses_a_field_it_does_not_have(client: TestClient) -> None:
    forms = 0
    for method, path, operation in operations(client):
        fields = form_fields(operation)
        for name in fields:
            slip = name.upper()
            answer = client.request(method, path, files=[IMAGE, (slip, (None, "x"))])
            meant = f"is not known; did you mean {name!r}?"
            assert faults(answer) == [(["body", slip], meant)], (method, path)
            forms += 1
        if fields:
            for name in ("img", "picture", "files[]"):
                answer = client.request(method, path, files=[IMAGE, (name, ("a.png", PNG * 100))])
                ((place, said),) = faults(answer)
                assert (place, "image" in said) == (["body", name], True), (method, path)
    assert forms >= 3 * 2


def test_every_form_refuses_a_field_given_twice(client: TestClient) -> None:
    twice = "is given 2 times; expected once"
    both = "is given in the query and in the form; expected it in one of them"
    values = {"method": "sdp", "heatmap": "none", "size": "model"}
    for method, path, operation in operations(client):
        names = query_names(operation)
        for name, rules in form_fields(operation).items():
            value = values.get(name, "nut")
            field = (name, (None, value))
            if rules.get("type") != "array" and name != "image":  # of images, a limit speaks
                answer = client.request(method, path, files=[IMAGE, field, field])
                assert faults(answer) == [(["body", name], twice)], (method, path)
            if name in names:
                answer = client.request(method, path, params={name: value}, files=[IMAGE, field])
                assert faults(answer) == [(["body", name], both)], (method, path)


def test_all_slips_of_a_request_are_told_at_once(client: TestClient) -> None:
    answer = client.post("/predict?heat_map=none&partId=A1&size=x", content=PNG)
    assert [place for place, _ in faults(answer)] == [["query", "heat_map"], ["query", "partId"]]
    assert answer.json()["detail"] == (
        "query.heat_map: is not known; did you mean 'heatmap'?; "
        "query.partId: is not known; did you mean 'part_id'?"
    )
    fields = {"heatmaps": "none", "part-id": "A1", "category": "nut"}
    answer = client.post("/predict", files=[IMAGE], data=fields)
    assert [place for place, _ in faults(answer)] == [["body", "heatmaps"], ["body", "part-id"]]
    many = {f"field{number}": "x" for number in range(100)}
    for options in ({"params": many}, {"files": [IMAGE], "data": many}):
        assert len(faults(client.post("/predict", **options))) == 20  # type: ignore[arg-type]


def test_what_the_document_does_not_list_may_be_asked_anyhow(client: TestClient) -> None:
    for path in ("/", "/docs", "/openapi.json", "/real-backbone", "/static/js/main.js"):
        assert client.get(f"{path}?v=1&v=2").status_code == 200


@pytest.mark.parametrize(("method", "path"), [*PATHS, ("POST", "/predict"), ("GET", "/categories")])
def test_the_key_comes_before_the_names(serve: Serve, method: str, path: str) -> None:
    client, key = serve(api_keys="secret"), {"Authorization": "Bearer secret"}
    assert client.request(method, f"{path}?colour=red").status_code == 401
    answer = client.request(method, f"{path}?colour=red", headers=key)
    assert len(faults(answer)) == 1
    assert client.get("/readyz?colour=red").status_code == 422


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        ('{"alfa": 0.1}', ["alfa"], "is not known; did you mean 'alpha'?"),
        ('{"normalStates": []}', ["normalStates"], "is not known; did you mean 'normal_states'?"),
        ('{"alpha": 0.1, "alpha": 0.2}', ["alpha"], "is given 2 times; expected once"),
        ('{"\\ud800": 1, "\\ud800": 2}', ["?"], "is given 2 times; expected once"),
    ],
)
def test_json_has_known_fields_once(
    client: TestClient, body: str, place: list[str], said: str
) -> None:
    answer = client.put("/categories/nut", content=body, headers=JSON)
    assert faults(answer) == [(["body", *place], said)]
    answer = client.post("/categories/import", content=body, headers=JSON)
    assert place[0] in [where[-1] for where, _ in faults(answer)]
    assert client.get("/categories").json() == []


def test_an_imported_file_has_known_fields_at_every_place(client: TestClient) -> None:
    client.put("/categories/nut", content="{}", headers=JSON)
    client.post("/categories/nut/calibration", files=[IMAGE])
    file = client.get("/categories/nut/export").json()
    file |= {"Format": 1}
    file["category"] |= {"objects": "x"}
    file["samples"][0] |= {"file-name": "x"}
    file["samples"][0]["scores"][0] |= {"median": 0.5}
    answer = client.post("/categories/import", json=file)
    assert sorted(faults(answer)) == [
        (["body", "Format"], "is not known; did you mean 'format'?"),
        (["body", "category", "objects"], "is not known; did you mean 'object'?"),
        (["body", "samples", 0, "file-name"], "is not known; did you mean 'filename'?"),
        (
            ["body", "samples", 0, "scores", 0, "median"],
            "is not known; did you mean 'map_median'?",
        ),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_json_is_read_as_editors_save_it(client: TestClient, encoding: str) -> None:
    body = json.dumps({"object": "Mütter", "alpha": 0.25}, ensure_ascii=False)
    answer = client.put("/categories/nut", content=body.encode(encoding), headers=JSON)
    assert (answer.status_code, answer.json()["object"]) == (200, "Mütter")
    file = client.get("/categories/nut/export").text
    client.delete("/categories/nut")
    answer = client.post("/categories/import", content=file.encode(encoding), headers=JSON)
    assert (answer.status_code, answer.json()["object"]) == (200, "Mütter")


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_content_type_is_named_only_where_it_is_at_fault(
    client: TestClient, method: str, path: str
) -> None:
    hint = "expected JSON, announced by `Content-Type: application/json`"
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.request(method, path, content=b"{}", headers={"Content-Type": kind})
        assert hint in answer.json()["detail"], kind
    for body in (b"{", b"\xff", b"[]", b'"x"', b'{"x": 1}'):
        for kind in ("application/json", "application/json; charset=utf-8", "application/x+json"):
            answer = client.request(method, path, content=body, headers={"Content-Type": kind})
            assert answer.status_code == 422
            assert "Content-Type" not in answer.json()["detail"]


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
