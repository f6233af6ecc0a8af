"""Content negotiation: an `Accept` header and what can be served -> what is served (RFC 9110).

Knows nothing of what the media types mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_ANY = "*/*"


@dataclass(frozen=True)
class _Range:
    kind: str
    quality: float
    position: int

    def specificity(self, offer: str) -> int:
        """2 for the type itself, 1 for `type/*`, 0 for `*/*`, -1 where it does not match."""
        if self.kind == offer:
            return 2
        if self.kind == f"{offer.partition('/')[0]}/*":
            return 1
        return 0 if self.kind == _ANY else -1


def negotiate(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer to serve, or None when nothing acceptable can be served.

    For each offer its most specific range decides; the highest quality wins, then the more
    specific match, then what stands first in the header, then the order of `offers`. No header or
    an empty one accepts everything.
    """
    ranges = _parse(accept or _ANY)
    best: tuple[tuple[float, int, int, int], str] | None = None
    for order, offer in enumerate(offers):
        matching = [r for r in ranges if r.specificity(offer) >= 0]
        if not matching:
            continue
        chosen = max(matching, key=lambda r: (r.specificity(offer), r.quality))
        if chosen.quality <= 0:
            continue
        rank = (chosen.quality, chosen.specificity(offer), -chosen.position, -order)
        if best is None or rank > best[0]:
            best = (rank, offer)
    return best[1] if best else None


def _parse(accept: str) -> list[_Range]:
    ranges = []
    for position, part in enumerate(accept.split(",")):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        if kind and quality is not None:
            ranges.append(_Range(_ANY if kind == "*" else kind, quality, position))
    return ranges


def _quality(parameters: Sequence[str]) -> float | None:
    """The q parameter within [0,1], 1 when absent; None for one that is no number."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return None
            return quality if 0 <= quality <= 1 else None
    return 1.0
