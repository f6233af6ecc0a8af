"""Where the service is to listen: whether it can, and who can reach it there."""

import ipaddress
import os
import socket

from app.errors import ConfigurationError


def check_address(host: str, port: int) -> None:
    """Raises ConfigurationError, long before a server would, where nobody can listen."""
    try:
        (family, kind, _, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind) as probe:
            if os.name == "posix":  # as servers do: connections of one before are no hindrance
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"CLIPAD_HOST={host!r}, CLIPAD_PORT={port}: {(error.strerror or str(error)).lower()}; "
            "expected an address of this machine and a port that is free"
        ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
