"""The table of formats: what Pillow writes is told by its content, and no two formats meet."""

import pytest
from PIL import Image

from app.images.formats import FORMATS, OTHER_SUFFIXES, SUFFIXES, Format, sniff_format
from tests.pictures import file_of, gradient

every_format = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)


@every_format
def test_what_pillow_writes_is_told_by_its_first_bytes(form: Format) -> None:
    assert sniff_format(file_of(gradient(), form.name)[:32]) is form


@every_format
def test_pillow_writes_the_format_for_its_suffixes_and_media_type(form: Format) -> None:
    # Pillow calls a bitmap's content without its file header by that name, and does not know .jfi.
    known = Image.registered_extensions() | {".dib": "BMP", ".jfi": "JPEG"}
    assert {known[suffix] for suffix in form.suffixes} == {form.name}
    assert Image.MIME[form.name] == form.media_type


def test_no_suffix_is_of_two_kinds() -> None:
    assert sum(len(form.suffixes) for form in FORMATS) == len(SUFFIXES)
    assert not SUFFIXES & OTHER_SUFFIXES
