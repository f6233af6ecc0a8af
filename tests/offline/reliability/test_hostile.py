"""Hostile bodies: what each trick is, and that the decoder's verdict is among the right ones."""

from collections import Counter

import pytest

from app.http.problems import status_of
from app.images.reading import ImageLimits, read_picture
from app.offline.reliability.hostile import TRICKS, hostile, hostiles

LIMITS = ImageLimits(20 * 1024 * 1024, 50_000_000)


def verdict(data: bytes) -> int:
    try:
        read_picture(data, LIMITS)
    except Exception as error:
        return status_of(error)
    return 200


def test_equal_seeds_give_equal_bodies_and_every_trick_has_its_turn() -> None:
    bodies = list(hostiles(2 * len(TRICKS)))
    assert bodies == list(hostiles(2 * len(TRICKS)))
    assert set(Counter(body.trick for body in bodies).values()) == {2}


@pytest.mark.slow
def test_the_decoder_judges_every_body_rightly() -> None:
    wrong = {
        (body.trick, seed, status)
        for seed, body in enumerate(hostiles(20 * len(TRICKS)))
        if (status := verdict(body.data)) not in body.expected
    }
    assert wrong == set()


@pytest.mark.nightly
def test_it_judges_ten_thousand_rightly() -> None:
    for seed in range(10_000, 20_000):
        body = hostile(seed)
        assert verdict(body.data) in body.expected, (body.trick, seed)


def test_small_bodies_would_be_large_pictures() -> None:
    bombs = [body for body in hostiles(300) if body.trick.endswith("bomb")]
    assert len(bombs) > 50
    assert max(len(body.data) for body in bombs) < 1_000_000
