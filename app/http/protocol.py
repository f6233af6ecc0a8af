"""uvicorn's HTTP protocol with an end to the patience for clients that never finish asking, and
with a little patience for those that ask at the last moment.

uvicorn closes idle connections, but waits without end for the rest of a request's head, and for
whoever goes on sending a body that has been answered already: a few thousand such connections take
every file descriptor. Bodies that are waited for have the request's own deadline.
"""

import asyncio
import logging
import uuid
from contextlib import suppress

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.http.problems import MEDIA_TYPE
from app.http.schemas import Problem
from app.http.telemetry import REQUEST_ID

_HEAD_KIB = 64  # uvicorn's default for h11
_log = logging.getLogger(__name__)


class ImpatientProtocol(H11Protocol):
    """Closes a connection `patience_s` after its first byte, or last answer, without a request."""

    patience_s = 10.0
    farewell_s = 0.5
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A head is waited for from the start."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Whatever came: is a request under way now?"""
        super().data_received(data)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._stop()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The rest of an answered request is waited for as long as a head."""
        super().on_response_complete()
        self._look()

    def shutdown(self) -> None:
        """The server stops: as uvicorn has it, but a connection at rest stays for a moment more.

        A request may be on its way over it, which nobody would answer otherwise.
        """
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(self.farewell_s, self._part)
        else:
            super().shutdown()

    def _part(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """A problem like every other, for what never became a request; closes the connection."""
        request_id = uuid.uuid4().hex
        _log.warning("no HTTP from %s request_id=%s", self.client, request_id)
        problem = Problem(
            type="about:blank",
            title="Bad Request",
            status=400,
            detail=f"{msg} Expected HTTP/1.1 with a head of at most {_HEAD_KIB} KiB.",
            instance="",
            request_id=request_id,
        )
        headers = {"content-type": MEDIA_TYPE, REQUEST_ID: request_id, "connection": "close"}
        answer = h11.Response(status_code=400, headers=list(headers.items()), reason=b"Bad Request")
        body = problem.model_dump_json(exclude_none=True).encode()
        with suppress(h11.LocalProtocolError):  # an answer is under way already
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event))
        self.transport.close()

    def _look(self) -> None:
        answered = self.cycle is not None and self.cycle.response_complete
        if self.conn.their_state is not h11.IDLE and not answered:
            self._stop()
        elif self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.patience_s, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        self.transport.close()
