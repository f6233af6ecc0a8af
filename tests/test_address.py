"""Addresses to listen on."""

import socket

import pytest

from app.address import check_address, is_loopback
from app.errors import ConfigurationError


def test_a_free_port_and_any_free_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"CLIPAD_PORT={port}: address already in use"):
            check_address("127.0.0.1", port)
    check_address("127.0.0.1", port)
    check_address("localhost", 0)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such name"])
def test_what_is_no_address_of_this_machine(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"CLIPAD_HOST='(192.0.2.1|no such name)'"):
        check_address(host, 8000)


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.4", False), ("line2", False)],  # noqa: S104
)  # fmt: skip
def test_who_reaches_it(host: str, alone: bool) -> None:
    assert is_loopback(host) == alone
