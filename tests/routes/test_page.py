"""The page as it is served: what it says of formats is what the one table says."""

import re
from pathlib import Path

from fastapi.testclient import TestClient

from app.images.formats import FORMATS
from app.routes import page

_STATIC = Path(page.__file__).parent.parent / "static"


def test_file_dialogs_show_the_formats_that_are_read(client: TestClient) -> None:
    text = client.get("/").text
    accepted = re.findall(r'accept="([^"]*)"', text)
    assert len(accepted) == 2
    wanted = {name for form in FORMATS for name in (form.media_type, *form.suffixes)}
    for each in accepted:
        assert set(each.split(",")) == wanted
    assert "PNG, JPEG, BMP, TIFF or WEBP." in text
    assert "$" not in text


def test_no_file_of_the_page_has_a_list_of_its_own() -> None:
    for path in (*_STATIC.rglob("*.html"), *_STATIC.rglob("*.js")):
        text = path.read_text(encoding="utf-8")
        for form in FORMATS:
            kinds = {form.media_type, *form.suffixes} - {"image/png", ".png"}  # its own pictures
            assert not any(kind in text for kind in kinds), path.name
