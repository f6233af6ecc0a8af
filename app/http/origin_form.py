"""Request targets in absolute form -> in origin form: `GET http://inspect.plant/readyz HTTP/1.1`.

Clients that are told of a proxy ask so, and a server must take it (RFC 9112, 3.2.2). uvicorn leaves
such a target whole in the path, where no route finds it. Which host was meant makes no difference
here, as `Host` makes none.
"""

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_AUTHORITY = re.compile(rb"https?://[^/]*", re.IGNORECASE)


class OriginForm:
    """Leaves of each path what follows scheme and host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root = scope.get("root_path", "")  # uvicorn puts it before whatever was asked
            target = (scope.get("raw_path") or b"").removeprefix(root.encode())
            if found := _AUTHORITY.match(target):
                path = target[found.end() :] or b"/"
                scope["path"] = root + unquote(path.decode("ascii"))
                scope["raw_path"] = root.encode() + path
        await self._app(scope, receive, send)
