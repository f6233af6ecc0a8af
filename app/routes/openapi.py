"""What FastAPI cannot derive for the OpenAPI document: bodies read while they stream, rules that
are checked further in, and what every answer carries."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query
from fastapi.routing import APIRoute

from app.http.schemas import CATEGORY_RULES, OPTIONAL_CATEGORY_RULES, PredictOptions
from app.http.telemetry import REQUEST_ID
from app.images.formats import FORMATS

CategoryId = Annotated[
    str,
    Path(
        description="The category: 1-64 characters, letters, digits, space, `_`, `-`, `.`; case "
        "makes no difference, nor which of space, `_` and `-` stands between words.",
        examples=["metal_nut"],
        json_schema_extra=CATEGORY_RULES,
    ),
]
SampleId = Annotated[
    str,
    Path(
        description="The sample, as it was named when it was added.",
        json_schema_extra={"pattern": "^[0-9a-f]{32}$"},
    ),
]
CALIBRATION_PATH = "/categories/{id}/calibration"
_SAME = "Need not be given: the path says it. Another one is refused."
SameCategory = Annotated[
    str | None, Query(description=_SAME, json_schema_extra=OPTIONAL_CATEGORY_RULES)
]
_EMPTY_IS_ABSENT = ("/predict", "/predict/batch", "/inspections", CALIBRATION_PATH)
_RAW_TYPES = (*(form.media_type for form in FORMATS), "application/octet-stream")
_BINARY = {"type": "string", "format": "binary"}
_IMAGES = {"type": "array", "items": _BINARY, "minItems": 1}
_FIELDS: dict[str, Any] = PredictOptions.model_json_schema()["properties"]
_NULL = {"type": "null"}


def _form(image: dict[str, Any], **fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": {
            "type": "object",
            "required": ["image"],
            "properties": {"image": image, **fields},
            "additionalProperties": False,
        }
    }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query string and a form have texts: what may be left out cannot be sent as null."""
    rules = dict(schema)
    match [kind for kind in rules.pop("anyOf", []) if kind != _NULL]:
        case [single]:
            rules |= single
        case [*several] if several:
            rules["anyOf"] = several
    return rules


def _field(name: str, description: str | None = None) -> dict[str, Any]:
    """An option as a form has it: an empty text counts as absent."""
    rules = _without_null(_FIELDS[name])
    rules["description"] = description or rules["description"]
    rules.pop("default", None)
    if "enum" in rules:
        rules["enum"] = ["", *rules["enum"]]
    return rules | (OPTIONAL_CATEGORY_RULES if name == "category" else {})


PREDICT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A form, or the image itself with the other fields in the query string.",
        "content": {
            "multipart/form-data": _form(
                {**_BINARY, "description": "PNG, JPEG, BMP, TIFF or WebP."},
                **{name: _field(name) for name in _FIELDS},
            ),
            **{media_type: {"schema": _BINARY} for media_type in _RAW_TYPES},
        },
    }
}

BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _form(
                _IMAGES,
                **{name: _field(name) for name in _FIELDS if name != "part_id"},
                part_id={
                    "type": "array",
                    "items": _field("part_id"),
                    "description": "None, or as many as images.",
                },
            )
        },
    }
}

CALIBRATION_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _form(
                _IMAGES,
                category={"type": "string", "description": _SAME, **OPTIONAL_CATEGORY_RULES},
            )
        },
    }
}

_REQUEST_ID_HEADER: dict[str, Any] = {
    "description": "As the request had it where that is a sane token, otherwise a new one.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"},
}
_SCORE_HEADER = {
    "X-Anomaly-Score": {
        "description": "The anomaly score in full precision.",
        "schema": {"type": "number"},
    },
    "X-Anomaly-Threshold": {
        "description": "Where the category is calibrated.",
        "schema": {"type": "number"},
    },
    "X-Is-Anomalous": {
        "description": "`true` or `false`, where the category is calibrated.",
        "schema": {"type": "boolean"},
    },
}

PREDICT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Scores and heatmap; `Accept` chooses the form.",
        "headers": _SCORE_HEADER,
        "content": {
            "image/png": {"schema": _BINARY},
            "application/x-npy": {"schema": _BINARY},
        },
    }
}


def operation_id(route: APIRoute) -> str:
    """A route's name in the document and in clients made of it."""
    return route.name


def install(app: FastAPI) -> None:
    """Complete the document that the application derives from its routes."""
    derive = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            policy = app.state.service.policy
            _complete(derive(), policy.max_images, policy.max_calibration_images)
        return derive()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any], max_images: int, max_calibration_images: int) -> None:
    for path, operation in _operations(document):
        for answer in operation["responses"].values():
            answer["headers"] = {**answer.get("headers", {}), REQUEST_ID: _REQUEST_ID_HEADER}
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "query":
                continue
            parameter["schema"] = _without_null(parameter["schema"])
            if path in _EMPTY_IS_ABSENT:
                parameter["allowEmptyValue"] = True
        for media in operation.get("requestBody", {}).get("content", {}).values():
            image = media["schema"].get("properties", {}).get("image", {})
            if image.get("type") == "array":
                calibrates = path == CALIBRATION_PATH
                image["maxItems"] = max_calibration_images if calibrates else max_images


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation
