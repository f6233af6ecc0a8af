"""Clients around a fault: what they must have known before, and what they keep of errors."""

import json

import httpx
import pytest

from app.offline.reliability.faults import trial
from app.offline.reliability.sightings import MOST_TOLD, PROBLEM, Client
from tests.offline.reliability.refusing import answering


async def nothing() -> None:
    """No fault."""


@pytest.mark.parametrize(
    ("status", "broken", "words"),
    [(503, 0, "503, expected 200"), (200, 1, "200, expected an error")],
)
def test_a_picture_that_is_not_answered_as_it_should_be_before_is_refused(
    status: int, broken: int, words: str
) -> None:
    with answering(status) as url, pytest.raises(RuntimeError, match=words):
        trial(url, "wood", [b"picture"], nothing, broken=broken)


def test_errors_that_differ_by_their_request_are_one() -> None:
    client = Client()
    for number in range(3 * MOST_TOLD):
        problem = {"request_id": f"id-{number}", "detail": f"the log has it under id-{number}"}
        client.hear(httpx.Response(500, json=problem, headers={"Content-Type": PROBLEM}))
    (told,) = client.told
    assert json.loads(told)["detail"] == "the log has it under "
    assert client.odd == 0


def test_what_is_no_problem_is_counted_and_kept() -> None:
    client = Client()
    for number in range(3 * MOST_TOLD):
        client.hear(httpx.Response(500, text=f"Internal Server Error {number}"))
    assert client.odd == 3 * MOST_TOLD
    assert len(client.told) == MOST_TOLD
