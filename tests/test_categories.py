"""Ids: what is allowed, how they are looked up, and the words they stand for."""

from dataclasses import replace

import pytest

from app.categories import parse_category
from app.clipad.prompts import Domain, Wording
from app.clipad.rvs import RvsMethod
from app.errors import ObjectNameError
from app.images.region import parse_roi


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


def test_lookup_ignores_case_and_takes_space_and_hyphens_for_one() -> None:
    keys = {parse_category(id).key for id in ("metal_nut", " Metal nut", "METAL-NUT", "metal  nut")}
    assert keys == {"metal nut"}


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


def test_the_fingerprint_is_of_what_moves_a_score() -> None:
    plain = parse_category("metal nut")
    renamed = replace(parse_category("line 2"), wording=Wording("metal nut"))
    for same in (parse_category("metal_nut"), renamed, replace(plain, alpha=0.2)):
        assert same.fingerprint("m") == plain.fingerprint("m")
    others = [
        plain.fingerprint("another model"),
        replace(plain, wording=Wording("nut")).fingerprint("m"),
        replace(plain, wording=Wording("metal nut", Domain.COLON)).fingerprint("m"),
        replace(plain, wording=Wording("metal nut", normal_states=("a new {}",))).fingerprint("m"),
        replace(plain, rvs=RvsMethod.MEAN).fingerprint("m"),
        replace(plain, roi=parse_roi([[[0, 0], [1, 0], [0, 1]]])).fingerprint("m"),
        plain.fingerprint("m"),
    ]
    assert len(set(others)) == len(others)
