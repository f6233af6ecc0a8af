"""Ids that are one, ids that are not, and keys that are their own keys."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ids import key_of, spoken


@pytest.mark.parametrize(
    ("ids", "key"),
    [
        (["metal nut", "metal_nut", "metal-nut", "Metal Nut", "METAL_NUT"], "metal nut"),
        (["metal  nut", "metal__nut", "metal - nut", "metal_-nut", "_metal nut-"], "metal nut"),
        (["Straße 7", "STRASSE_7", "strasse-7"], "strasse 7"),
        (["caf\u00e9", "cafe\u0301", "CAF\u00c9", "CAFE\u0301"], "caf\u00e9"),
        # Folding takes this one letter apart into three.
        (["\u03b0", "\u03cb\u0301", "\u03ab\u0301"], "\u03b0"),
    ],
)
def test_spellings_of_one_id(ids: list[str], key: str) -> None:
    assert [key_of(id) for id in ids] == [key] * len(ids)


@pytest.mark.parametrize(
    "others", [["metal nut", "metalnut"], ["M3.5", "M3 5", "M35"], ["nut 1", "nut 11"]]
)
def test_other_ids_stay_others(others: list[str]) -> None:
    assert len({key_of(id) for id in others}) == len(others)


@given(st.text(st.characters(categories=["L", "M", "N"], include_characters=" _-."), max_size=70))
def test_a_key_is_its_own_key_and_that_of_what_it_was_made_from(id: str) -> None:
    key = key_of(id)
    assert key_of(key) == key
    assert key_of(unicodedata.normalize("NFD", id)) == key
    assert key_of(id.replace("_", "-").replace(" ", "__")) == key
    assert key_of(spoken(unicodedata.normalize("NFC", id))) == key
