"""What clients and probes saw of one fault. Knows nothing of faults, or of what is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx

PROBLEM = "application/problem+json"
MOST_TOLD = 20
"""Different error answers that are kept of one client; a server has far fewer ways to say no."""


@dataclass
class Client:
    """What one client saw. statuses: of everything that was answered; told: the error answers that
    differ by more than their request's id, `MOST_TOLD` at most; odd: errors that were no
    problem+json; wrong: 200, but not its picture's score or decision; unheard: nobody listened;
    lost: sent, and the connection broke.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)
    odd: int = 0
    wrong: int = 0
    unheard: int = 0
    lost: int = 0

    def hear(self, error: httpx.Response) -> None:
        """Take note of an answer that is none of 200."""
        text = error.text
        if error.headers.get("Content-Type") == PROBLEM:
            text = text.replace(error.json()["request_id"], "")
        else:
            self.odd += 1
        if len(self.told) < MOST_TOLD:
            self.told.add(text)


@dataclass
class Trial:
    """One fault. red_s: from the fault until `/readyz` first said 503, None if it never did;
    dead_s: the same of `/healthz`; green_s: from the fault until `/readyz` was 200 for good;
    silent: probes that were not answered at all; log: what the server printed meanwhile.
    """

    clients: list[Client]
    red_s: float | None = None
    dead_s: float | None = None
    green_s: float = 0.0
    silent: int = 0
    log: str = ""

    @property
    def total(self) -> Client:
        """All clients together."""
        return together(self.clients)


def together(clients: Iterable[Client]) -> Client:
    """What they saw, as if one had seen it all."""
    total = Client()
    for client in clients:
        total.statuses += client.statuses
        total.told |= client.told
        total.odd += client.odd
        total.wrong += client.wrong
        total.unheard += client.unheard
        total.lost += client.lost
    return total
