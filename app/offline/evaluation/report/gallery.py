"""The gallery: image | mask | map of the worst cases, worst mistakes first, and why in words.

A method's maps of one object share one scale of colours, from the least to the greatest value of
the object's shown maps: within an object maps compare, as they do in the pixel figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from app.heatmap import Scale
from app.offline.evaluation.figures import Case, MethodEvaluation
from app.offline.evaluation.report.pictures import Picture, heat, outlined, picture, small
from app.offline.evaluation.report.wording import number, percent, printable, share

MOST_CASES = 48
_CHANCE = 0.5


@dataclass(frozen=True)
class Entry:
    """One case. outlined: None where there is nothing to outline, then `unmasked` says why."""

    case: Case
    path: str
    object: str
    kind: str
    verdict: str
    mistaken: bool
    why: str
    facts: tuple[tuple[str, str], ...]
    image: Picture
    outlined: Picture | None
    unmasked: str
    map: Picture


@dataclass(frozen=True)
class Group:
    """Cases of one sort, in order. left_out: how many more there are than the page has room for."""

    title: str
    explanation: str
    entries: tuple[Entry, ...]
    left_out: int


_GROUPS = (
    ("Mistakes of the image score", "Worst first: by the share of images on the wrong side."),
    ("Weakest maps", "Worst first: by the AUROC over the pixels of the one map."),
    ("No mistakes", "The cases nearest to one, among objects with few or no mistakes."),
)


def groups_of(method: MethodEvaluation, most: int = MOST_CASES) -> tuple[Group, ...]:
    """A method's cases, sorted; the worst of each group share the `most` places in turn.

    Where nothing else sorts them, every object's first case comes before any object's second.
    """
    ranked = zip_longest(*(each.cases for each in method.objects))
    cases = [case for rank in ranked for case in rank if case is not None]
    sorted_cases = (
        sorted((c for c in cases if _of_score(c) and c.mistake), key=lambda c: -(c.mistake or 0)),
        sorted((c for c in cases if c.chosen_for == "map"), key=_weakness),
        [c for c in cases if _of_score(c) and not c.mistake],
    )
    room = _shared([len(part) for part in sorted_cases], most)
    kept = [part[:places] for part, places in zip(sorted_cases, room, strict=True)]
    scales = _scales([case for part in kept for case in part])
    return tuple(
        Group(*words, tuple(_entry(c, scales[c.score.object]) for c in part), len(all_) - len(part))
        for words, part, all_ in zip(_GROUPS, kept, sorted_cases, strict=True)
        if all_
    )


def reason(case: Case) -> tuple[str, bool, str]:
    """A verdict in a word or two, whether it is a mistake, and why, in plain words."""
    if case.chosen_for == "map":
        return _reason_of_map(case.score.map_auroc)
    mine, others = ("anomalous", "good") if case.score.anomalous else ("good", "anomalous")
    if case.mistake is None:
        return "nothing to compare", False, f"There are no {others} images of this object."
    side, right = ("low", "above") if case.score.anomalous else ("high", "below")
    if case.mistake == 0:
        return "no mistake", False, f"{mine} image, scored {right} every {others} one.".capitalize()
    why = f"{mine} image, scored as {side} as or {side}er than {share(case.mistake)}"
    return "mistake", True, f"{why} of the {others} ones.".capitalize()


def _reason_of_map(auroc: float | None) -> tuple[str, bool, str]:
    if auroc is None:
        return "nothing to compare", False, "No mask, or pixels of one class only."
    pairs = f"Of a defective and a normal pixel, {share(auroc)} of the time the defective one"
    if auroc < _CHANCE:
        return "map mistaken", True, f"{pairs} is the more anomalous: worse than guessing."
    return "no mistake", False, f"{pairs} is the more anomalous: yet among the weakest maps."


def _of_score(case: Case) -> bool:
    return case.chosen_for == "score"


def _weakness(case: Case) -> float:
    return 2.0 if case.score.map_auroc is None else case.score.map_auroc


def _shared(counts: Sequence[int], places: int) -> list[int]:
    """Places for parts of `counts` cases: one each in turn while any are left."""
    given = [0] * len(counts)
    while places > 0 and given != list(counts):
        for index, count in enumerate(counts):
            if given[index] < count and places > 0:
                given[index] += 1
                places -= 1
    return given


def _scales(cases: Sequence[Case]) -> dict[str, Scale]:
    found: dict[str, Scale] = {}
    for case in cases:
        low, high = float(case.map.min()), float(case.map.max())
        known = found.get(case.score.object, Scale("calibrated", low, high))
        scale = Scale("calibrated", min(low, known.low), max(high, known.high))
        found[case.score.object] = scale
    return found


def _entry(case: Case, scale: Scale) -> Entry:
    score, path = case.score, printable(case.score.path)
    verdict, mistaken, why = reason(case)
    image, peak = small(case.thumbnail), number(float(case.map.max()))
    marked = None
    if case.mask is not None and case.mask.any():
        marked = picture(outlined(image, case.mask), f"{path} with the outline of its mask")
    return Entry(
        case=case,
        path=path,
        object=printable(score.object),
        kind=printable(score.kind),
        verdict=verdict,
        mistaken=mistaken,
        why=why,
        facts=_facts(case, scale),
        image=picture(image, path),
        outlined=marked,
        unmasked=_unmasked(case),
        map=picture(
            heat(case.map, scale, image.size), f"anomaly map of {path}, greatest value {peak}"
        ),
    )


def _unmasked(case: Case) -> str:
    if not case.score.anomalous:
        return "Good: no defect."
    return "The data set has no mask for it." if case.mask is None else "Its mask is empty."


def _facts(case: Case, scale: Scale) -> tuple[tuple[str, str], ...]:
    score = case.score
    parts = f"{number(score.raw)} = text {number(score.text)} + map {number(score.map)}"
    auroc = [] if score.map_auroc is None else [("map AUROC", percent(score.map_auroc))]
    span = f"{number(scale.low)} to {number(scale.high)}"
    return ("score", parts), ("score, paper", number(score.paper)), *auroc, ("map colours", span)
