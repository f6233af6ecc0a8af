"""Prompts of an object: state words and templates as data, plus one function (paper, Sec. A).

Knows nothing of tokens, models or categories. A state is a phrase with one `{}` for the object's
name; a template is a sentence with one `{}` for the state.
"""

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from app.errors import ObjectNameError

MAX_NAME_CHARACTERS = 200
"""Longest object name or state looked at; CLIP's context of 77 tokens is checked by the encoder."""

TEMPLATES: tuple[str, ...] = (
    *(f"a {kind} photo of {article} {{}}." for kind in ("cropped", "close-up", "bright", "dark")
      for article in ("a", "the")),
    *(f"a {kind} photo of {article} {{}}." for kind in ("jpeg corrupted", "blurry")
      for article in ("a", "the")),
    *(f"a photo of {article} {{}}." for article in ("a", "the")),
    *(f"a photo of {article} {size} {{}}." for article in ("a", "the")
      for size in ("large", "small")),
    *(f"a photo of {article} {{}} for {purpose}." for article in ("a", "the")
      for purpose in ("visual inspection", "anomaly detection")),
)  # fmt: skip

_NORMAL_ADJECTIVES = ("flawless", "perfect", "unblemished")
_ABNORMAL_ADJECTIVES = ("damaged", "imperfect", "blemished", "broken")
_SURFACE_DEFECTS = ("scratch", "crack")
_COMMON_DEFECTS = ("flaw", "defect", "damage")


class Domain(StrEnum):
    """What kind of picture is inspected; decides which defects the state words name."""

    INDUSTRIAL = "industrial"
    HEADCT = "headct"
    BRAINMRI = "brainmri"
    COLON = "colon"
    SKIN = "skin"


_DEFECTS: dict[Domain, tuple[str, ...]] = {
    Domain.INDUSTRIAL: (*_COMMON_DEFECTS, *_SURFACE_DEFECTS, "contamination"),
    Domain.SKIN: (*_COMMON_DEFECTS, *_SURFACE_DEFECTS, "contamination"),
    Domain.HEADCT: (*_COMMON_DEFECTS, "contamination", "hemorrhage"),
    Domain.BRAINMRI: (*_COMMON_DEFECTS, "contamination", "tumor"),
    Domain.COLON: (*_COMMON_DEFECTS, "contamination", "polypus", "polyp"),
}


def normal_states(domain: Domain) -> tuple[str, ...]:
    """The domain's phrases for a good object, each with one `{}`."""
    return (
        *(f"{word} {{}}" for word in _NORMAL_ADJECTIVES),
        *(f"{{}} without {defect}" for defect in _DEFECTS[domain]),
    )


def abnormal_states(domain: Domain) -> tuple[str, ...]:
    """The domain's phrases for a defective object, each with one `{}`."""
    return (
        *(f"{word} {{}}" for word in _ABNORMAL_ADJECTIVES),
        *(f"{{}} with {defect}" for defect in _DEFECTS[domain]),
    )


@dataclass(frozen=True)
class Wording:
    """What is said of an object: its name, and the state words of a domain or of one's own.

    normal_states, abnormal_states: phrases with one `{}` for the name each; empty for the
    domain's. Raises ObjectNameError for a phrase that is none.
    """

    object: str
    domain: Domain = Domain.INDUSTRIAL
    normal_states: tuple[str, ...] = ()
    abnormal_states: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for state in (*self.normal_states, *self.abnormal_states):
            _check_state(state)


@dataclass(frozen=True)
class PromptEnsemble:
    """The two prompt lists of one object: every state inside every template."""

    name: str
    normal: tuple[str, ...]
    abnormal: tuple[str, ...]
    digest: str = field(init=False, compare=False)
    """sha256 over both lists: two ensembles with the same prompts are the same question."""

    def __post_init__(self) -> None:
        lists = json.dumps([self.normal, self.abnormal], ensure_ascii=True)
        object.__setattr__(self, "digest", hashlib.sha256(lists.encode()).hexdigest())


def prompt_ensemble(name: str, domain: Domain = Domain.INDUSTRIAL) -> PromptEnsemble:
    """All prompts of `name`: 198 normal and 220 abnormal ones in the industrial domain.

    The name stands in the prompts as given, less surrounding white space. Raises ObjectNameError
    for a name that is empty, unprintable or longer than MAX_NAME_CHARACTERS.
    """
    return worded(Wording(name, domain))


@lru_cache(maxsize=64)  # asked for with every image; some 50 kB each, 1 MB with many own states
def worded(wording: Wording) -> PromptEnsemble:
    """All prompts of a wording: 22 for each of its states. Raises as `prompt_ensemble` does."""
    name, domain = wording.object, wording.domain
    words = name.strip()
    if not words or not words.isprintable() or len(words) > MAX_NAME_CHARACTERS:
        raise ObjectNameError(
            f"object name {_shortened(name)!r} ({len(name)} characters): expected 1 to "
            f"{MAX_NAME_CHARACTERS} printable characters"
        )
    normal = wording.normal_states or normal_states(domain)
    abnormal = wording.abnormal_states or abnormal_states(domain)
    return PromptEnsemble(words, _expand(normal, words), _expand(abnormal, words))


def _check_state(state: str) -> None:
    fits = state.isprintable() and len(state) <= MAX_NAME_CHARACTERS
    if state.count("{}") != 1 or not fits or not state.replace("{}", "").strip():
        raise ObjectNameError(
            f"state {_shortened(state)!r} ({len(state)} characters): expected words around one "
            f"'{{}}' for the object, at most {MAX_NAME_CHARACTERS} printable characters"
        )


def _expand(states: tuple[str, ...], name: str) -> tuple[str, ...]:
    phrases = [_fill(state, name) for state in states]
    return tuple(_fill(template, phrase) for phrase in phrases for template in TEMPLATES)


def _fill(pattern: str, words: str) -> str:
    # Not str.format: a name with braces in it is only a name.
    before, _, after = pattern.partition("{}")
    return f"{before}{words}{after}"


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
