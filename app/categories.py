"""What a line posts as its category, and the words that stand for it in the prompts.

Pure rules: no registry, no model, no HTTP.
"""

import unicodedata
from dataclasses import dataclass

from app.errors import ObjectNameError

MAX_ID_CHARACTERS = 64
_PUNCTUATION = " _-."
_AS_SPACES = str.maketrans("_-", "  ")


@dataclass(frozen=True)
class Category:
    """id: as posted, trimmed. key: under which it is looked up. object: words in the prompts.

    The object keeps its case, as whoever reads it wrote it; CLIP's tokenizer folds it.
    """

    id: str
    key: str
    object: str


def parse_category(text: str) -> Category:
    """A posted category -> Category of its own, not registered anywhere.

    Raises ObjectNameError outside the rules: 1 to 64 characters after trimming, letters with their
    marks, digits, space, `_`, `-`, `.`, at least one of them a letter or digit.
    """
    identifier = unicodedata.normalize("NFC", text).strip()
    if not identifier or len(identifier) > MAX_ID_CHARACTERS:
        raise ObjectNameError(
            f"category {identifier[:MAX_ID_CHARACTERS]!r} has {len(identifier)} characters: "
            f"expected 1 to {MAX_ID_CHARACTERS}"
        )
    strange = sorted({c for c in identifier if not _allowed(c)})
    if strange:
        raise ObjectNameError(
            f"category {identifier!r} contains {', '.join(map(repr, strange))}: "
            "expected letters, digits, space, '_', '-' and '.'"
        )
    words = " ".join(identifier.translate(_AS_SPACES).split())
    if not any(c.isalnum() for c in words):
        raise ObjectNameError(f"category {identifier!r}: expected at least one letter or digit")
    return Category(identifier, identifier.casefold(), words)


def _allowed(character: str) -> bool:
    # Many scripts write vowels as combining marks, which no composed letter replaces.
    mark = unicodedata.category(character).startswith("M")
    return mark or character.isalnum() or character in _PUNCTUATION
