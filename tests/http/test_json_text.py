"""JSON in the encodings that people save it in; each name once in an object."""

import codecs
import json
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError

from app.http.json_text import plain

TEXT = json.dumps({"object": "Schraubenmütter ネジ 🔩", "alpha": 0.1}, ensure_ascii=False)
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def refusal(body: bytes) -> list[dict[str, Any]]:
    with pytest.raises(RequestValidationError) as raised:
        plain(body)
    return list(raised.value.errors())


@pytest.mark.parametrize("encoding", MARKS)
@pytest.mark.parametrize("marks", [0, 1, 2])
def test_what_editors_save_is_read(encoding: str, marks: int) -> None:
    body = MARKS[encoding] * marks + TEXT.encode(encoding)
    assert plain(body) == TEXT.encode()
    assert plain(MARKS[encoding] * marks + "\r\n[]\r\n".encode(encoding)) == b"\r\n[]\r\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Expecting value at line 1, column 1"),
        (codecs.BOM_UTF8, "Expecting value"),
        (codecs.BOM_UTF16_LE, "Expecting value"),
        (b'{\n"a": }', "at line 2, column 6"),
        (b"{} {}", "Extra data"),
        (b"\x89PNG\r\n", "byte 0 is not UTF-8"),
        ('{"a": "ü"}'.encode("cp1252"), "byte 7 is not UTF-8"),
        ("{}".encode("utf-16") + b"x", "is not UTF-16"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8{\x00", "is not UTF-16"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1" + b"0" * 5000 + b"]", "digits"),
    ],
)
def test_what_is_no_json_is_told_so(body: bytes, words: str) -> None:
    (error,) = refusal(body)
    assert (error["loc"], error["type"]) == (("body",), "json_invalid")
    assert error["msg"].startswith("is not JSON in UTF-8, UTF-16 or UTF-32: ")
    assert words in error["msg"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"alpha": 0.1, "alpha": 0.2}', "alpha"),
        ('{"alpha": 0.1, "alpha": 0.1}', "alpha"),
        ('{"a": [{"b": {"c": 1, "c": 1}}]}', "c"),
        ('{"a\\u006c": 1, "al": 2}', "al"),
        ('{"\\ud800": 1, "\\ud800": 2}', "?"),
    ],
)
def test_a_name_that_stands_twice_in_an_object_is_refused(text: str, name: str) -> None:
    (error,) = refusal(text.encode("utf-16"))
    assert (error["loc"], error["type"]) == (("body", name), "given_twice")
    assert error["msg"] == "is given 2 times; expected once"


def test_the_same_name_in_several_objects_is_no_matter() -> None:
    text = b'[{"a": 1}, {"a": {"a": 1}}]'
    assert plain(text) == text


def test_of_thousands_of_faults_some_are_told() -> None:
    assert len(refusal(b"[" + b",".join([b'{"a": 1, "a": 2}'] * 1000) + b"]")) == 20
