"""Forms, with the fields that their operation has: each known to its document, and given once.

One mechanism for all of them: what `multipart/form-data` in a route's `openapi_extra` lists, the
route takes; what is a list there may come more than once.
"""

from collections.abc import Callable, Mapping

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from app.http import uploads
from app.http.names import MOST, faults, repeated, unknown
from app.http.spool import Spool
from app.http.uploads import IMAGE_FIELD, Form, UploadLimits


async def read_form(
    request: Request,
    limits: UploadLimits,
    spool: Spool | None = None,
    arrived: Callable[[], None] = uploads.nobody,
) -> Form:
    """A request's images and fields, as `app.http.uploads` reads them.

    Raises RequestValidationError for fields that its operation does not have, and for such as are
    given twice: in the form, or in the query and the form. An empty text counts as absent there.
    """
    known = fields_of(request.scope["route"])
    content_type = request.headers.get("content-type")
    form = await uploads.read_form(content_type, request.stream(), limits, known, spool, arrived)
    found = [
        unknown("body", name, [IMAGE_FIELD] if is_file else known)
        for name, is_file in form.unknown.items()
    ]
    found += faults((name for name, texts in form.fields.items() for _ in texts), known, "body")
    found += [
        repeated("body", name, "in the query and in the form; expected it in one of them")
        for name, text in request.query_params.items()
        if text and any(form.fields.get(name, ()))
    ]
    if found:
        raise RequestValidationError(found[:MOST])
    return form


def fields_of(route: APIRoute) -> Mapping[str, bool]:
    """The fields of a route's form by name, and whether they may be given more than once."""
    bodies = (route.openapi_extra or {})["requestBody"]["content"]
    fields = bodies["multipart/form-data"]["schema"]["properties"]
    return {name: rules.get("type") == "array" for name, rules in fields.items()}
