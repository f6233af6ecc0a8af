"""A category with its calibration as one file: written for another machine, read from one.

Large files take a while: an event loop calls this in a thread. Knows nothing of the database.
"""

import uuid
from collections.abc import Sequence

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.categories import Category, parse_category
from app.errors import FieldError
from app.http.category_schemas import CategoryChange, CategoryFile, SampleView
from app.http.names import MOST, with_nearest
from app.routes.category_change import change_of
from app.routes.category_view import settings
from app.standing import as_read
from app.store.records import SampleRecord, SampleScore


def write(category: Category, samples: Sequence[SampleRecord]) -> bytes:
    """A category with its samples -> a file's JSON."""
    file = CategoryFile(
        id=category.id,
        category=CategoryChange.model_validate(settings(category)),
        samples=[SampleView.model_validate(as_read(sample)) for sample in samples],
    )
    return file.model_dump_json().encode()


def read(data: bytes) -> tuple[Category, list[SampleRecord]]:
    """A file's JSON -> the category and its samples, these with new ids.

    Raises RequestValidationError for what is no such file, ObjectNameError or FieldError for what
    is outside a category's or a calibration's rules.
    """
    try:
        file = CategoryFile.model_validate_json(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        placed = [{**item, "loc": ("body", *item["loc"])} for item in found[:MOST]]
        raise RequestValidationError(with_nearest(placed, CategoryFile)) from error
    change = change_of(file.category.model_dump(exclude_unset=True))
    records = [_record(sample, f"samples[{k}]") for k, sample in enumerate(file.samples)]
    return change(parse_category(file.id)), records


def _record(sample: SampleView, name: str) -> SampleRecord:
    methods: set[str] = set()
    for score in sample.scores:
        if score.method in methods:
            raise FieldError(f"{name}: has method {score.method!r} more than once; expected once")
        if score.map_median > score.map_max:
            raise FieldError(
                f"{name}: map_median {score.map_median} lies above map_max {score.map_max}; "
                "expected a median that is no larger than the maximum"
            )
        methods.add(score.method)
    return SampleRecord(
        uuid.uuid4().hex,  # the file may be taken over twice, under two names
        sample.created,
        sample.image_sha256,
        sample.filename,
        tuple(SampleScore(**score.model_dump()) for score in sample.scores),
    )
