"""The fixtures of the routes' tests."""

from tests.routes.conftest import client, detector, serve

__all__ = ["client", "detector", "serve"]
