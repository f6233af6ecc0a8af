"""What a request changes of a category: the fields that it sends, and no others.

Pure: knows neither the database nor what the category is like when the change comes to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from app.calibration import DEFAULT_ALPHA
from app.categories import Category
from app.clipad.prompts import Domain, Wording, worded
from app.errors import FieldError
from app.ids import spoken
from app.images.region import parse_roi

Change = Callable[[Category], Category]


def change_of(sent: Mapping[str, Any]) -> Change:
    """Fields of a `CategoryChange` -> what they do to a category; None is the default.

    The region is read here, once: of a large mask that takes half a second. Raises FieldError for
    one that is none; the change raises ObjectNameError or FieldError for a category that would be
    outside its rules.
    """
    fields = dict(sent)
    if fields.get("roi") is not None:
        fields["roi"] = parse_roi(fields["roi"])
    return lambda category: _changed(category, fields)


def _changed(category: Category, fields: Mapping[str, Any]) -> Category:
    words: dict[str, Any] = {}
    if "object" in fields:
        words["object"] = (fields["object"] or "").strip() or spoken(category.id)
    if "domain" in fields:
        words["domain"] = fields["domain"] or Domain.INDUSTRIAL
    for states in ("normal_states", "abnormal_states"):
        if states in fields:
            words[states] = tuple(fields[states] or ())
    rest = {name: fields[name] for name in ("rvs", "roi") if name in fields}
    if "alpha" in fields:
        rest["alpha"] = DEFAULT_ALPHA if fields["alpha"] is None else fields["alpha"]
    wording = replace(category.wording, **words)
    if words:
        _refuse_same_states(wording)
    return replace(category, wording=wording, **rest)


def _refuse_same_states(wording: Wording) -> None:
    prompts = worded(wording)
    if _read(prompts.normal) == _read(prompts.abnormal):
        raise FieldError(
            f"normal_states, abnormal_states: say the same of {prompts.name!r}; expected different "
            "phrases, or nothing can be told apart by them"
        )


def _read(sentences: tuple[str, ...]) -> set[str]:
    # As CLIP's tokenizer reads them: neither case nor further spaces make a difference to it.
    return {" ".join(sentence.lower().split()) for sentence in sentences}
