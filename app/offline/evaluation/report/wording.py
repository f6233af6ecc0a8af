"""How numbers, names and reservations are put, on every output alike. Knows no markup."""

from __future__ import annotations

import json
from collections.abc import Iterator

from app.offline.evaluation.figures import Evaluation, MethodEvaluation
from app.offline.evaluation.report.columns import PIXEL, SOURCES, columns_of, sources_of

ABSENT = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
METHODS = {
    "sdp": "SDP",
    "sdp_plus": "SDP+",
    "direct": "Direct",
    "clip_surgery": "CLIP Surgery",
}
PROTOCOLS = {
    "raw": "text part + maximum of the map, as served: needs one image alone",
    "paper": "both parts scaled to 0..1 over the object's whole test set before they are added",
    "multi_crop": "text part averaged over ten crops, without the map",
}
_BOUND_SHOWN = 0.0005  # half of the last digit of a percentage with one decimal


def method_name(method: str) -> str:
    """A method's name as the paper writes it, or as it is."""
    return METHODS.get(method, printable(method))


def percent(value: float | None) -> str:
    """0.875 -> `87.5`; an en dash for None."""
    return ABSENT if value is None else f"{100 * value:.1f}"


def points(value: float | None) -> str:
    """A difference of two fractions in percentage points, signed: 0.037 -> `+3.7`."""
    if value is None:
        return ABSENT
    rounded = round(100 * value, 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", MINUS)


def number(value: float | None) -> str:
    """A score or a map's value, to three decimals; an en dash for None."""
    return ABSENT if value is None else f"{value:.3f}".replace("-", MINUS)


def share(value: float) -> str:
    """A share in [0,1] in words' precision: `34 %`, `2.5 %`, `less than 0.1 %`."""
    if 0 < value < 0.001:
        return "less than 0.1 %"
    if 0.999 < value < 1:
        return "more than 99.9 %"
    decimals = 0 if value in (0, 1) or 0.0995 <= value < 0.99 else 1
    return f"{100 * value:.{decimals}f} %"


def printable(text: str) -> str:
    r"""A name of any file without what could steer a terminal or break a line: `\n`, `\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def setting(value: object) -> str:
    """An option's or a model fact's value, for reading."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple, dict)):
        return printable(json.dumps(value, ensure_ascii=False, default=str))
    return printable(str(value))


def notes(evaluation: Evaluation, method: MethodEvaluation) -> Iterator[str]:
    """What a reader of a method's figures has to know, a sentence each."""
    if method.model.get("demo"):
        yield "Demo weights: these figures say nothing about the paper's model."
    for source in sources_of(evaluation):
        column = columns_of(source)[0]
        have = sum(column.of(each) is not None for each in method.objects)
        name = SOURCES[source]
        if have == 0:
            yield f"{name}: no figures, {_reason(source)}."
        elif have < len(method.objects):
            yield (
                f"{name}: mean over the {have} of {len(method.objects)} objects that have these "
                f"figures; for the others {_reason(source)}."
            )
    bounds = [column.error(each) or 0.0 for each in method.objects for column in columns_of(PIXEL)]
    if max(bounds, default=0.0) > 0:
        worst = 100 * max(bounds)
        put = f"{worst:.1f}" if max(bounds) >= _BOUND_SHOWN else "0.05"
        yield f"Scores were binned: pixel figures are exact to {put} points or better."


def _reason(source: str) -> str:
    if source == PIXEL:
        return "masks or one class of pixels are missing"
    if source == "multi_crop":
        return "it was not asked for or one class of images is missing"
    return "good or anomalous images are missing"
