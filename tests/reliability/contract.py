"""Schemathesis against a running server: cases made from its own document, and what came of them.

Knows of the contract what no JSON Schema can say (`_EXCUSES`), and nothing of how the server is
started or how many cases are enough.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from itertools import cycle
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
import numpy as np
import schemathesis
from hypothesis import strategies as st
from PIL import Image
from schemathesis import Case, HookContext, Response
from schemathesis.config import SchemathesisConfig
from schemathesis.core import NotSet
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema
from schemathesis.openapi.checks import (
    AllowHeaderMismatch,
    JsonSchemaError,
    RejectedPositiveData,
    UseAfterFree,
)
from schemathesis.transport.serialization import Binary

STATUSES = {400, 401, 404, 405, 406, 413, 415, 422, 429, 503, 504}
NEGOTIATED = {
    "POST /predict": ["application/json", "image/png", "application/x-npy"],
    "POST /predict/batch": ["application/json"],
    "GET /inspections": ["application/json", "text/csv"],
}
NOT_SERVED = "text/html"
_SHOWN = 1500  # characters of an answer or a request
_MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
    "BMP": ["1", "L", "P", "RGB"],
    "TIFF": ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16"],
    "WEBP": ["RGB", "RGBA"],
}
_no_pictures: set[bytes] = set()
_TYPES = ["image/png", "image/jpeg", "image/bmp", "image/tiff", "image/webp"]


@st.composite
def pictures(draw: st.DrawFn) -> bytes:
    """A small file of an allowed format, in any mode that the format has; one in eight cut short
    or something else."""
    kind = draw(st.sampled_from(sorted(_MODES)))
    mode = draw(st.sampled_from(_MODES[kind]))
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    seed = draw(st.integers(0, 2**32 - 1))
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if mode == "I;16":
        image = Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(values).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    data = buffer.getvalue()
    match draw(st.integers(0, 15)):
        case 14:  # not 0: the simplest example of all is to be a picture
            data = data[: draw(st.integers(1, len(data) // 2))]
        case 15:
            data = draw(st.binary(min_size=1, max_size=64))
        case _:
            return data
    _no_pictures.add(data)
    return data


schemathesis.openapi.format("binary", pictures())
for media_type in (*_TYPES, "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, pictures())


@dataclass
class Outcome:
    """What came of the cases: answers by operation and status, and every single fault in words."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def accepted(self, operation: str) -> int:
        """How many cases an operation answered with 200 or 204."""
        return self.answers[operation, 200] + self.answers[operation, 204]

    def table(self) -> str:
        """Cases by operation and status, one operation a line."""
        lines = [f"{self.answers.total()} cases; excused: {dict(self.excused)}"]
        for operation in sorted({name for name, _ in self.answers}):
            statuses = sorted(s for name, s in self.answers if name == operation)
            said = ", ".join(f"{s}: {self.answers[operation, s]}" for s in statuses)
            lines.append(f"{operation}: {said}")
        return "\n".join(lines)


def probe(url: str, key: str, examples: int, *, repeatable: bool) -> Outcome:
    """Every operation of a server's document, with so many random examples of each.

    repeatable: the same cases each time. All of schemathesis' phases: the document's own examples,
    one case for every rule in it (and what breaks that rule alone), random ones, and sequences
    along its links; all of its checks, and `_problems` of each answer.
    """
    schema = schemathesis.openapi.from_url(
        f"{url}/openapi.json", config=_config(key, examples, repeatable)
    )
    outcome = Outcome()
    accepts = {name: cycle([None, "*/*", *types, NOT_SERVED]) for name, types in NEGOTIATED.items()}

    @schema.hook
    def filter_case(context: HookContext, case: Case) -> bool:
        return _UNASSIGNED.search(_texts(case)) is None

    @schema.hook
    def map_case(context: HookContext, case: Case) -> Case:
        accept = next(accepts.get(case.operation.label, iter(())), None)
        if accept is not None:
            case.headers["Accept"] = accept
        return case

    @schema.hook
    def filter_failure(
        context: HookContext, failure: Failure, case: Case, response: Response
    ) -> bool:
        reasons = [name for name, applies in _EXCUSES.items() if applies(failure, case, response)]
        outcome.excused.update(reasons[:1])
        return not reasons

    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _look(event.recorder, outcome)
        elif isinstance(event, events.NonFatalError):
            outcome.faults.append(f"{event.label}: {event.info.title}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return outcome


def _config(key: str, examples: int, repeatable: bool) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "headers": {"Authorization": f"Bearer {key}"},
            "continue-on-failure": True,
            "generation": {
                "mode": "all",
                "max-examples": examples,
                "deterministic": repeatable,
                "database": "none",
                "no-shrink": True,
            },
        }
    )


def _look(recorder: Any, outcome: Outcome) -> None:
    for identifier, interaction in recorder.interactions.items():
        case, response = recorder.cases[identifier].value, interaction.response
        label = case.operation.label
        if response is None:
            outcome.faults.append(f"{label}: no answer")
            continue
        outcome.answers[label, response.status_code] += 1
        outcome.faults += [f"{label}: {problem}" for problem in _problems(label, response)]
    for identifier, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                said, answer = check.failure_info, recorder.interactions[identifier].response
                lines = (f"{check.name}: {said.failure}", answer and answer.text, said.code_sample)
                outcome.faults.append("\n".join(str(line)[:_SHOWN] for line in lines))


def _problems(label: str, response: Response) -> Iterator[str]:
    """What is wrong with an answer by the contract's rules for every answer."""
    status = response.status_code
    if not response.headers.get("x-request-id"):
        yield f"{status} without X-Request-ID"
    asked = response.request.headers.get("Accept")
    if asked == NOT_SERVED and label in NEGOTIATED and status < 400:
        yield f"{status} although Accept is {asked}"
    if status < 400:
        return
    if status not in STATUSES:
        yield f"{status} is not in the contract's table: {response.text}"
    kind = response.headers.get("content-type")
    if kind != ["application/problem+json"]:
        yield f"{status} as {kind}"
    elif response.json()["status"] != status:
        yield f"{status} says {response.text}"
    if status == 405 and not response.headers.get("allow"):
        yield "405 without Allow"


# Schemathesis writes `\p{M}` as ranges, in which these are no marks, nor anything else.
_UNASSIGNED = re.compile("[\u20f1-\u20ff]")


def _texts(case: Case) -> str:
    return json.dumps(
        [{name: unquote(str(value)) for name, value in case.path_parameters.items()}, case.query],
        ensure_ascii=False,
    ) + (json.dumps(case.body, ensure_ascii=False, default=repr) if case.body else "")


# Rules that the contract states and no JSON Schema can: each with the words of its refusal.
_BEYOND_SCHEMA = re.compile(
    r"tokens, CLIP's context holds"
    r"|say the same of"  # own states, the good and the bad ones
    r"|part_id: is given \d+ times"  # none, or as many as images
    r"|^roi(\[\d+\])*: "  # polygons with no area, base64 that is no PNG
    r"|^samples\[\d+\]: (has method|map_median)"  # each method once; no median above its maximum
    r"|lies outside the years 1 to 9999"  # in UTC, after its zone is taken into account
    r"|^heatmap: is none, but Accept asks for image/png"
)


def _breaks_a_rule_beyond_schema(failure: Failure, case: Case, response: Response) -> bool:
    """Valid by the document, refused in the words of one of the rules that it cannot state."""
    return (
        isinstance(failure, RejectedPositiveData)
        and response.status_code == 422
        and _BEYOND_SCHEMA.search(response.json()["detail"]) is not None
    )


def _sends_no_picture(failure: Failure, case: Case, response: Response) -> bool:
    """To the document an image is bytes; that these are none is for the server to find out."""
    body = case.body.get("image") if isinstance(case.body, dict) else case.body
    return (
        isinstance(failure, RejectedPositiveData)
        and case.operation.label == "POST /predict"
        and response.status_code in (400, 415)
        and (body.data if isinstance(body, Binary) else body) in _no_pictures
    )


def _asks_for_what_is_not_served(failure: Failure, case: Case, response: Response) -> bool:
    """OpenAPI has no word on Accept; ours is sometimes one that must be answered with 406."""
    return (
        isinstance(failure, RejectedPositiveData)
        and response.status_code == 406
        and response.request.headers.get("Accept") == NOT_SERVED
    )


def _arrives_as_valid(failure: Failure, case: Case, response: Response) -> bool:
    """Meant to be wrong, but right by the document, as far as this can be seen on the wire.

    A form has neither types nor lists: `image` with the text `{}` instead of a list of files is a
    list of one file, whose content is refused in its own entry. And schemathesis takes `\\p{L}` for
    Latin letters where the document, and the server with it, means those of all scripts.
    """
    if not isinstance(failure, AcceptedNegativeData):
        return False
    document, operation = _documented(case)
    for parameter in operation.get("parameters", ()):
        name, in_path = parameter["name"], parameter["in"] == "path"
        values = case.path_parameters if in_path else case.query
        if name in values and not (values[name] == "" and parameter.get("allowEmptyValue")):
            value = unquote(str(values[name])) if in_path else values[name]
            if not _is_valid(parameter["schema"], value, document):
                return False
    wanted = operation.get("requestBody", {})
    if isinstance(case.body, NotSet):
        return not wanted.get("required", False)
    schema = wanted["content"][case.media_type]["schema"]
    if case.media_type == "multipart/form-data":
        return _is_valid(schema, _form_as_sent(response, schema["properties"]), document)
    return case.media_type == "application/json" and _is_valid(schema, case.body, document)


def _is_as_documented(failure: Failure, case: Case, response: Response) -> bool:
    """An answer that schemathesis finds wrong for its letters, and that is right by the document
    with letters of all scripts."""
    if not isinstance(failure, JsonSchemaError) or failure.title != "Response violates schema":
        return False  # of headers the same class is said
    if response.status_code != 200:
        return False
    document, operation = _documented(case)
    content = operation["responses"]["200"]["content"].get("application/json")
    return content is not None and _is_valid(content["schema"], response.json(), document)


def _is_overridden_by_the_form(failure: Failure, case: Case, response: Response) -> bool:
    """Where a form names the category, nobody looks at the query's."""
    if not isinstance(failure, AcceptedNegativeData) or not isinstance(case.body, dict):
        return False
    changed = {(each.parameter_location, each.parameter) for each in _mutations(case)}
    return bool(case.body.get("category")) and changed == {(ParameterLocation.QUERY, "category")}


def _is_a_list_that_was_cleared(failure: Failure, case: Case, response: Response) -> bool:
    """To take all samples out of a calibration leaves one without samples, not none."""
    return (
        isinstance(failure, UseAfterFree)
        and case.operation.label == "GET /categories/{id}/calibration"
        and re.search(r"deleted with `DELETE \S+/calibration`", failure.message) is not None
    )


def _is_an_id_as_well(failure: Failure, case: Case, response: Response) -> bool:
    """`/categories/import` is also the category `import`: its methods are allowed there too."""
    return isinstance(failure, AllowHeaderMismatch) and case.operation.path == "/categories/import"


_EXCUSES: dict[str, Callable[[Failure, Case, Response], bool]] = {
    "a rule beyond JSON Schema": _breaks_a_rule_beyond_schema,
    "no picture": _sends_no_picture,
    "not acceptable": _asks_for_what_is_not_served,
    "valid as it arrives": _arrives_as_valid,
    "as documented": _is_as_documented,
    "overridden by the form": _is_overridden_by_the_form,
    "cleared, not gone": _is_a_list_that_was_cleared,
    "an id as well": _is_an_id_as_well,
}


def _documented(case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document as it was served, and of it the case's operation."""
    document = case.operation.schema.raw_schema
    return document, document["paths"][case.operation.path][case.operation.method.lower()]


def _is_valid(schema: dict[str, Any], value: Any, document: dict[str, Any]) -> bool:
    rules = {**schema, "components": document["components"]}
    return bool(jsonschema_rs.validator_for(rules).is_valid(value))


def _mutations(case: Case) -> list[Any]:
    assert case.meta is not None
    data = case.meta.phase.data
    return list(data.mutations) or [data]


def _form_as_sent(response: Response, rules: dict[str, Any]) -> dict[str, Any]:
    """The form's fields as texts, those that the document has as lists as lists."""
    kind = response.request.headers["Content-Type"]
    sent = response.request.body
    assert isinstance(sent, bytes)
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + sent)
    fields: dict[str, list[str]] = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = str(part.get_param("name", header="content-disposition"))
        fields.setdefault(name, []).append(content.decode(errors="replace"))
    return {
        name: texts if len(texts) > 1 or rules.get(name, {}).get("type") == "array" else texts[0]
        for name, texts in fields.items()
    }
