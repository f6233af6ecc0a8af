"""JSON as people save it -> JSON as RFC 8259 wants it: UTF-8 without a byte order mark.

PowerShell and Notepad write UTF-16, or UTF-8 with the mark. Of two fields of one name in an object
most parsers keep the last without a word: such a text is refused. Knows nothing of what it says.
"""

import json
from collections.abc import Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from app.http.names import MOST, Fault, faults

_MARK = "\ufeff"


def plain(body: bytes) -> bytes:
    """JSON in UTF-8, UTF-16 or UTF-32 -> the same in UTF-8.

    Raises RequestValidationError for what is no JSON, and for a name that stands twice in an
    object. Of large texts it takes a while: an event loop calls this in a thread.
    """
    encoding = json.detect_encoding(body)  # by the mark; without one, by where its zeros are
    try:
        text = body.decode(encoding).lstrip(_MARK)
    except UnicodeDecodeError as error:
        raise _no_json(f"byte {error.start} is not {error.encoding.upper()}") from error
    found: list[Fault] = []

    def look(pairs: Sequence[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names) and len(found) < MOST:
            written = [name.encode(errors="replace").decode() for name in names]
            found.extend(faults(written, dict.fromkeys(written, False), "body"))

    try:
        json.loads(text, object_pairs_hook=look)
    except json.JSONDecodeError as error:
        where = f"at line {error.lineno}, column {error.colno}"
        raise _no_json(f"{error.msg} {where}") from error
    except RecursionError as error:
        raise _no_json("it is nested too deeply") from error
    except ValueError as error:  # Python's own limit of a number's digits
        raise _no_json(str(error)) from error
    if found:
        raise RequestValidationError(found[:MOST])
    return text.encode()


def _no_json(reason: str) -> RequestValidationError:
    message = f"is not JSON in UTF-8, UTF-16 or UTF-32: {reason}"
    return RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": message}])
