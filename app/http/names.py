"""Names that a client sends against those that an operation has: each is known, and stands once.

Knows neither what the names stand for nor which operation has which.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

Fault = dict[str, Any]
"""One entry of FastAPI's RequestValidationError: `loc`, `msg` and `type`."""

UNKNOWN, REPEATED = "extra_forbidden", "given_twice"  # the first is what pydantic calls it
MOST = 20  # faults of one request: a form has up to a thousand fields
_SHOWN = 64  # characters of a name


def faults(given: Iterable[str], known: Mapping[str, bool], where: str) -> list[Fault]:
    """What is wrong with the names that were given, in their order.

    known: by name, whether it may stand more than once. where: `query` or `body`.
    """
    found = []
    for name, times in Counter(given).items():
        if name not in known:
            found.append(unknown(where, name, known))
        elif times > 1 and not known[name]:
            found.append(repeated(where, name, f"{times} times; expected once"))
    return found[:MOST]


def unknown(where: str, name: str, known: Iterable[str]) -> Fault:
    """A name that is none of these."""
    return _fault((where, name), UNKNOWN, f"is not known; {_expected(name, known)}")


def repeated(where: str, name: str, how: str) -> Fault:
    """A name that stands more than once; how: where or how often, and what was expected."""
    return _fault((where, name), REPEATED, f"is given {how}")


def with_nearest(errors: Iterable[Mapping[str, Any]], model: type[BaseModel]) -> list[Fault]:
    """Pydantic's errors of a body of this model; of unknown names, the one that was meant too."""
    return [_with_nearest(error, model) for error in errors]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names, as in `list[Model] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def _with_nearest(error: Mapping[str, Any], model: type[BaseModel]) -> Fault:
    if error["type"] != UNKNOWN:
        return dict(error)
    body, *place, name = error["loc"]
    known = _fields(model, place)
    return _fault((body, *place, name), UNKNOWN, f"is not known; {_expected(name, known)}")


def _fields(model: type[BaseModel], place: Iterable[str | int]) -> Iterable[str]:
    """The names at a place in a body of this model, which is an object there."""
    for step in place:
        if isinstance(step, str):  # a list's numbers lead to no other model
            model = next(models_in(model.model_fields[step].annotation))
    return model.model_fields


def _expected(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, or all of them where none is near."""
    folded = {_folded(each): each for each in known}
    close = get_close_matches(_folded(name[:_SHOWN]), folded, 1)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    names = ", ".join(folded.values())
    return f"expected {'one of ' if len(folded) > 1 else ''}{names or 'none here'}"


def _fault(place: Sequence[str | int], kind: str, message: str) -> Fault:
    *before, name = place
    return {"loc": (*before, str(name)[:_SHOWN]), "msg": message, "type": kind}


def _folded(name: str) -> str:
    """As it is compared: `partId`, `part-id` and `PART_ID` are `part_id` to people."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())
