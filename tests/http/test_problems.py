"""Which error becomes which status: the contract's table, for every error there is."""

import json
from collections.abc import Iterator

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app import errors
from app.http.problems import problem_of, problem_response, status_of

STATUS = {
    "ImageDecodeError": 400,
    "UnknownCategoryError": 404,
    "UnknownSampleError": 404,
    "ImageTooLargeError": 413,
    "BodyTooLargeError": 413,
    "ImageFormatError": 415,
    "NothingVisibleError": 422,
    "ObjectNameError": 422,
    "MethodError": 422,
    "FieldError": 422,
    "QueueFullError": 429,
    "TooManyNewCategoriesError": 429,
    "ModelMemoryError": 503,
    "SpoolError": 503,
    "DeadlineError": 504,
    "BackboneError": 500,
    "WeightsError": 500,
    "HeadsError": 500,
    "DatasetError": 500,
}


def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
    below = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    if not below:
        yield kind
    for child in below:
        yield from leaves(child)


def request() -> Request:
    state = {"request_id": "r1", "notes": {}}
    scope = {"type": "http", "path": "/predict", "headers": [], "state": state}
    return Request({**scope, "query_string": b"", "scheme": "http", "server": ("localhost", 80)})


def test_every_error_has_its_status() -> None:
    found = {kind.__name__: status_of(kind("words")) for kind in leaves(errors.ClipAdError)}
    assert found == STATUS


@pytest.mark.parametrize(("wait", "header"), [(0.2, "1"), (7.1, "8"), (60, "60")])
def test_retry_after_is_whole_seconds(wait: float, header: str) -> None:
    response = problem_response(errors.QueueFullError("full", wait), request())
    assert response.headers["Retry-After"] == header
    assert response.headers["content-type"] == "application/problem+json"


def test_headers_of_http_errors_are_kept() -> None:
    response = problem_response(HTTPException(405, headers={"Allow": "POST"}), request())
    assert response.headers["Allow"] == "POST"
    assert json.loads(bytes(response.body)) == {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "detail": "Method Not Allowed",
        "instance": "/predict",
        "request_id": "r1",
    }


def test_the_input_itself_is_not_sent_back() -> None:
    error = RequestValidationError(
        [{"loc": ("query", "size"), "msg": "odd", "type": "literal_error", "input": "secret"}]
    )
    problem = problem_of(error, request())
    assert (problem.status, problem.detail) == (422, "query.size: odd")
    assert "secret" not in problem.model_dump_json()


def test_what_was_not_raised_on_purpose_says_only_its_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    problem = problem_of(KeyError("secret"), request())
    assert (problem.status, "r1" in problem.detail) == (500, True)
    assert "secret" not in problem.model_dump_json()
    assert "secret" in caplog.text
