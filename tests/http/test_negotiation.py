"""Accept headers and what they choose."""

import pytest

from app.http.negotiation import negotiate

JSON, PNG, NPY = OFFERS = ("application/json", "image/png", "application/x-npy")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("*", JSON),
        ("application/json", JSON),
        ("application/json; charset=utf-8", JSON),
        ("image/png", PNG),
        ("IMAGE/PNG", PNG),
        ("image/*", PNG),
        ("application/*", JSON),
        ("application/x-npy", NPY),
        ("application/x-npy, application/json", NPY),
        ("application/json, application/x-npy", JSON),
        ("application/json;q=0.5, image/png", PNG),
        ("application/json;q=0.5, image/png;q=0.4", JSON),
        ("image/png, */*", PNG),
        ("image/png;q=0.9, */*;q=0.9", PNG),
        ("*/*, application/json;q=0", PNG),
        ("application/*, application/json;q=0", NPY),
        ("*/*;q=0.1, application/json;q=0.05", PNG),
        ("text/html, image/avif, image/*, */*;q=0.8", PNG),
        ("text/html, */*;q=0.1", JSON),
        ("image/png;q=0", None),
        ("*/*;q=0", None),
        ("text/html", None),
        ("image/jpeg, text/*", None),
        ("application/json;q=much", None),
        ("application/json;q=2", None),
        ("application/json;q=nan", None),
        ("application/json ; q=0.3 , image/png ; q=0.2", JSON),
        (", ,", None),
    ],
)
def test_negotiate(accept: str | None, chosen: str | None) -> None:
    assert negotiate(accept, OFFERS) == chosen
