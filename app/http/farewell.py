"""A process that is ending closes each connection with its answer: the next request goes elsewhere.

One that came over a connection while it is being closed would find nobody. Knows nothing of why
the process ends.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.serving.lifecycle import Lifecycle


class Farewell:
    """Adds `Connection: close` to the answers of a process that is ending."""

    def __init__(self, app: ASGIApp, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start" and self._lifecycle.ending:
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_last)
