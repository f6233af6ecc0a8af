"""Ids: what is allowed, how they are looked up, and the words they stand for."""

import pytest

from app.categories import parse_category
from app.errors import ObjectNameError


@pytest.mark.parametrize(
    ("text", "identifier", "words"),
    [
        ("metal nut", "metal nut", "metal nut"),
        ("  metal_nut\n", "metal_nut", "metal nut"),
        ("Line2-Metal_Nut", "Line2-Metal_Nut", "Line2 Metal Nut"),
        ("M3.5 screw", "M3.5 screw", "M3.5 screw"),
        ("a--b__c", "a--b__c", "a b c"),
        ("Zahnrad groß", "Zahnrad groß", "Zahnrad groß"),
        ("cafe\u0301", "caf\u00e9", "caf\u00e9"),
        ("पेंच", "पेंच", "पेंच"),
        ("x" * 64, "x" * 64, "x" * 64),
    ],
)
def test_allowed(text: str, identifier: str, words: str) -> None:
    category = parse_category(text)
    assert (category.id, category.object) == (identifier, words)


def test_lookup_ignores_case() -> None:
    assert parse_category("Metal Nut").key == parse_category("metal nut").key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has 0 characters: expected 1 to 64"),
        ("   ", "has 0 characters"),
        ("x" * 65, "has 65 characters"),
        ("metal/nut", "contains '/'"),
        ("nut; rm", "contains ';'"),
        ("tab\there", "contains"),
        ("{}", "contains '{', '}'"),
        ("zero\x00", "contains"),
        ("nut \U0001f529", "expected letters, digits, space"),
        ("\u0301-", "at least one letter or digit"),
        ("-_.", "at least one letter or digit"),
    ],
)
def test_refused(text: str, words: str) -> None:
    with pytest.raises(ObjectNameError, match=words):
        parse_category(text)
