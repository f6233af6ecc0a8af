"""Names: each known, and once; of others the one that was meant."""

import time
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from app.http.names import MOST, faults, unknown, with_nearest

KNOWN = {"category": False, "heatmap": False, "part_id": True, "size": False}


def said(given: str, known: dict[str, bool] = KNOWN) -> str:
    (fault,) = faults([given], known, "query")
    assert (fault["loc"], fault["type"]) == (("query", given), "extra_forbidden")
    return str(fault["msg"])


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("heat_map", "heatmap"),
        ("heatmaps", "heatmap"),
        ("HEATMAP", "heatmap"),
        ("partId", "part_id"),
        ("part-id", "part_id"),
        ("Part Id", "part_id"),
        ("part", "part_id"),
        ("categorie", "category"),
        ("Category", "category"),
        ("sizes", "size"),
    ],
)
def test_the_nearest_name_is_told(given: str, meant: str) -> None:
    assert said(given) == f"is not known; did you mean {meant!r}?"


@pytest.mark.parametrize("given", ["overlay", "x", "", "?", "\u30cd"])
def test_where_none_is_near_all_are_told(given: str) -> None:
    assert said(given) == "is not known; expected one of category, heatmap, part_id, size"


def test_where_there_is_one_or_none_it_is_told() -> None:
    assert said("x", {"image": False}) == "is not known; expected image"
    assert said("x", {}) == "is not known; expected none here"


def test_all_that_is_wrong_is_told_in_order() -> None:
    given = ["size", "colour", "size", "part_id", "part_id", "colour", "heatmap"]
    assert [(fault["loc"][1], fault["msg"]) for fault in faults(given, KNOWN, "body")] == [
        ("size", "is given 2 times; expected once"),
        ("colour", "is not known; expected one of category, heatmap, part_id, size"),
    ]
    assert faults(["size", "part_id", "part_id"], KNOWN, "body") == []


def test_thousands_of_long_names_cost_little_and_are_not_all_sent_back() -> None:
    given = [f"{number}" + "heatmap" * 9000 for number in range(100)] + [
        f"n{k}" for k in range(999)
    ]
    begin = time.process_time()
    found = faults(given, KNOWN, "query")
    assert time.process_time() - begin < 2
    assert len(found) == MOST
    assert all(len(fault["loc"][1]) <= 64 for fault in found)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    score: float


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    samples: list[Inner] | None = None


@pytest.mark.parametrize(
    ("body", "place", "meant"),
    [
        ({"Name": "x"}, ("body", "Name"), "name"),
        ({"samples": [{"score": 1}, {"score": 1, "scores": 2}]}, (1, "scores"), "score"),
        ({"samples": [{"score": 1, "name": 2}]}, (0, "name"), ""),
    ],
)
def test_of_json_the_names_of_that_place_count(
    body: dict[str, Any], place: tuple[str | int, ...], meant: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        Outer.model_validate(body)
    errors = [{**error, "loc": ("body", *error["loc"])} for error in raised.value.errors()]
    (fault,) = with_nearest(errors, Outer)
    assert fault["loc"][-2:] == place
    wanted = f"did you mean {meant!r}?" if meant else "expected score"
    assert fault["msg"] == f"is not known; {wanted}"


def test_other_errors_stay_as_they_are() -> None:
    error = {"loc": ("query", "size"), "msg": "odd", "type": "literal_error"}
    assert with_nearest([error], Outer) == [error]


def test_the_names_that_are_near_may_be_chosen() -> None:
    assert unknown("body", "img", ["image"])["msg"] == "is not known; did you mean 'image'?"
