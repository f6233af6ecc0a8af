"""The faults that a running server is to bear, and what may come of each.

Knows nothing of how they are brought about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from app.offline.reliability import causes
from app.offline.reliability.faults import trial
from app.offline.reliability.faulty import WORD
from app.offline.reliability.sightings import MOST_TOLD, Trial, together
from app.offline.reliability.site import CATEGORY, HANGS_S, Site, breaking_picture, pictures

RED_WITHIN_S = 5.0
"""From when a fault can be noticed until a probe says so: for most orchestrators one period."""

# No client is told what broke the model, nor of code, nor a path that is longer than `/predict`.
_PRIVATE = re.compile(rf"{WORD}|Traceback|\.py\b|(?:/[\w.-]+){{2}}")
_ENDS = "this process ends"  # what the log says of a model that hangs


@dataclass(frozen=True)
class Injection:
    """One fault. may: statuses clients may see; must: which of them, to know that it came about.

    red_s: by when after it `/readyz` must be red; None: never. poisoned: the first client's picture
    is one that breaks the model. restarts: the process ends and is started again, and `/healthz`
    must be red before it does. logged: what the operator must find in the log.
    """

    name: str
    bring: causes.Cause
    may: frozenset[int] = frozenset({200})
    must: frozenset[int] = frozenset({200})
    red_s: float | None = None
    poisoned: bool = False
    restarts: bool = False
    logged: str = ""

    def inject(self, site: Site, clients: int = 8) -> Trial:
        """Bring it about once, while so many clients post.

        Raises RuntimeError or TimeoutError when it does not come about or never passes.
        """
        posted = pictures(clients)
        if self.poisoned:
            posted[0] = breaking_picture()
        logged = site.log.stat().st_size
        bring = partial(self.bring, site)
        found = trial(site.server.url, CATEGORY, posted, bring, broken=int(self.poisoned))
        found.log = site.log.read_bytes()[logged:].decode(errors="replace")
        return found

    def objections(self, found: Trial) -> list[str]:
        """What should not have been, in words."""
        return [*self._of_answers(found), *_of_words(found), *self._of_probes(found)]

    def _of_answers(self, found: Trial) -> Iterator[str]:
        total = found.total
        seen = set(total.statuses)
        if total.wrong or total.lost:
            yield f"{total.wrong} wrong answers, {total.lost} lost"
        if not self.must <= seen <= self.may:
            yield f"statuses {sorted(seen)}, expected {sorted(self.may)}"
        if total.unheard and not self.restarts:
            yield f"{total.unheard} found nobody"
        if self.poisoned:
            others = together(found.clients[1:]).statuses
            if set(others) != {200}:
                yield f"a picture's neighbours saw {dict(others)}"
        if self.logged not in found.log:
            yield f"not in the log: {self.logged!r}"
        if (ended := found.log.count(_ENDS)) != self.restarts:
            yield f"the process has ended {ended} times, expected {int(self.restarts)}"

    def _of_probes(self, found: Trial) -> Iterator[str]:
        health_s = self.red_s if self.restarts else None
        for path, seen, limit in (
            ("/readyz", found.red_s, self.red_s),
            ("/healthz", found.dead_s, health_s),
        ):
            if limit is None and seen is not None:
                yield f"{path} red after {seen:.1f} s, expected never"
            if limit is not None and (seen is None or seen > limit):
                when = "never" if seen is None else f"after {seen:.1f} s"
                yield f"{path} red {when}, expected within {limit:.1f} s"
        if found.silent and not self.restarts:
            yield f"{found.silent} probes were not answered"


def _of_words(found: Trial) -> Iterator[str]:
    total = found.total
    if total.odd:
        yield f"{total.odd} errors are no problem+json"
    if any(len(client.told) >= MOST_TOLD for client in found.clients):
        yield "more different error answers than are kept"
    for text in sorted(total.told):
        if private := _PRIVATE.search(text):
            yield f"a client was told {private.group()!r}: {text}"


def injections() -> tuple[Injection, ...]:
    """All of them, in the order of the table."""
    failed, refused = frozenset({200, 500}), frozenset({200, 503})
    hung = partial(
        Injection,
        may=refused,
        must=refused,
        red_s=HANGS_S + RED_WITHIN_S,
        restarts=True,
    )
    return (
        Injection(
            f"the model fails, {causes.LASTS_S:g} s",
            causes.ordered("raise"),
            failed,
            failed,
            logged=f"{WORD} to fail",
        ),
        Injection(
            "one picture breaks the model",
            causes.nothing,
            failed,
            failed,
            poisoned=True,
            logged=f"{WORD} to break",
        ),
        Injection(f"memory for one image alone, {causes.LASTS_S:g} s", causes.ordered("short")),
        Injection(
            f"memory for none, {causes.LASTS_S:g} s", causes.ordered("starved"), refused, refused
        ),
        Injection(
            f"the model's threads die, {causes.LASTS_S:g} s",
            causes.ordered("die"),
            refused,
            refused,
            red_s=RED_WITHIN_S,
            logged="the thread 'model' has died",
        ),
        hung("the model hangs", causes.hang, logged=_ENDS),
        Injection(f"no byte can be written, {causes.LASTS_S:g} s", causes.full),
        Injection("text features cannot be kept", causes.unwritable, logged="not kept on disk"),
        Injection(f"the database is held, {causes.HELD_S:g} s", causes.held),
        hung("damaged caches, then a hang", causes.damaged, logged="made again"),
    )
