"""Somebody who answers: the application in this process, or a service that runs already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from app.errors import ClipAdError, ConfigurationError
from app.main import configure_threads, create_app
from app.settings import Settings

_PATIENCE_S = 600  # a backbone may have to be fetched
_POLL_S = 0.05
_READ_S = 300.0


@asynccontextmanager
async def own_service(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The same application as is served, without a socket; needs no key.

    Raises whatever its start fails with.
    """
    failures: list[Exception] = []
    open_to_us = settings.model_copy(update={"api_keys": None, "api_keys_file": None})
    configure_threads(open_to_us)
    app = create_app(open_to_us, on_failure=failures.append)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://clip-ad", timeout=_READ_S
        ) as http:
            await _until_ready(http, failures)
            yield http


@asynccontextmanager
async def running_service(url: str, key: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """A service elsewhere. Raises ConfigurationError when it does not become ready."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_READ_S) as http:
        try:
            await _until_ready(http, [])
        except httpx.HTTPError as error:
            raise ConfigurationError(f"{url}: {error}; expected a running service") from error
        yield http


async def _until_ready(http: httpx.AsyncClient, failures: list[Exception]) -> None:
    end = asyncio.get_running_loop().time() + _PATIENCE_S
    while (await http.get("/readyz")).status_code != 200:
        if failures:
            raise (
                failures[0]
                if isinstance(failures[0], ClipAdError)
                else ConfigurationError(f"the model cannot be loaded: {failures[0]}")
            )
        if asyncio.get_running_loop().time() > end:
            raise ConfigurationError(f"{http.base_url}: not ready within {_PATIENCE_S} s")
        await asyncio.sleep(_POLL_S)
