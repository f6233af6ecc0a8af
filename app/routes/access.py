"""What every handler needs of a request: the service, its right to ask, its time limit."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import ClientDisconnect

from app.errors import DeadlineError, NotReadyError
from app.service import Service
from app.serving.lifecycle import Lifecycle

Result = TypeVar("Result")

_bearer = HTTPBearer(
    auto_error=False, description="Only where the service is configured with API keys."
)


# Both are coroutines, though they wait for nothing: FastAPI runs others in threads, where a request
# that has arrived would wait before it counts as under way.


async def get_service(request: Request) -> Service:
    """The service this application was composed with."""
    return service_of(request)


def service_of(request: Request) -> Service:
    """`get_service` for who cannot wait for dependencies."""
    service: Service = request.app.state.service
    return service


async def require_key(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    service: Annotated[Service, Depends(get_service)],
) -> None:
    """Raises 401 where API keys are configured and the request does not carry one of them."""
    if not service.policy.keys.accepts(credentials.credentials if credentials else ""):
        how = "has none of this service's API keys" if credentials else "is absent, or no Bearer"
        raise HTTPException(
            401,
            f"Authorization: {how}; expected `Bearer` and an API key",
            headers={"WWW-Authenticate": "Bearer"},
        )


async def check_key(request: Request) -> None:
    """`require_key` for who cannot wait for dependencies."""
    await require_key(await _bearer(request), service_of(request))


ServiceDep = Annotated[Service, Depends(get_service)]


class TimeLimit:
    """A request's, beginning now. end: its deadline by the running loop's clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.end = asyncio.get_running_loop().time() + seconds

    async def over(self, work: Awaitable[Result]) -> Result:
        """The work's result, or DeadlineError at the end, the work then being cancelled."""
        try:
            async with asyncio.timeout_at(self.end):
                return await work
        except TimeoutError as error:
            raise DeadlineError(f"not answered within {self._seconds:g} s") from error


async def unless_gone(request: Request, work: Awaitable[Result]) -> Result:
    """The work's result, or ClientDisconnect when the client leaves, the work being cancelled.

    To be used once the body has been read: what comes then can only be the end.
    """
    return await _unless(_left(request), ClientDisconnect(), work)


async def unless_ending(service: Service, work: Awaitable[Result]) -> Result:
    """The work's result, or NotReadyError when the service has been draining for as long as any
    request is given, the work being cancelled.

    For requests that may take longer: whoever stops the service waits for that time alone.
    """
    seconds = service.policy.timeout_s
    error = NotReadyError(f"the service is stopping: this was not done {seconds:g} s later")
    return await _unless(_at_its_end(service.lifecycle, seconds), error, work)


async def _unless(
    event: Coroutine[None, None, None], error: Exception, work: Awaitable[Result]
) -> Result:
    task = asyncio.ensure_future(work)
    # A failure after the event is nobody's; without this asyncio would report it.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    watch = asyncio.ensure_future(event)
    try:
        await asyncio.wait([task, watch], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise error
        return task.result()
    finally:
        watch.cancel()
        if not task.done():
            task.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _at_its_end(lifecycle: Lifecycle, seconds: float) -> None:
    await lifecycle.drained()
    await asyncio.sleep(seconds)
