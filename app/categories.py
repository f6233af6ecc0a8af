"""What a line posts as its category, and what stands for it: words, a wanted rate, a region.

Pure rules: no registry, no model, no HTTP.
"""

import hashlib
import json
import unicodedata
from dataclasses import dataclass

from app.calibration import DEFAULT_ALPHA
from app.clipad.choices import RvsMethod
from app.clipad.prompts import Wording, worded
from app.errors import ObjectNameError
from app.ids import key_of, spoken
from app.images.region import Roi

MAX_ID_CHARACTERS = 64
_PUNCTUATION = " _-."


@dataclass(frozen=True)
class Category:
    """id: as posted, trimmed. key: under which it is looked up. wording: what the prompts say.

    The object keeps its case, as whoever reads it wrote it; CLIP's tokenizer folds it.
    rvs: how its text vectors are chosen, None as the service does. alpha: the wanted false-alarm
    rate. roi: outside it the map does not count; None for the whole image.
    """

    id: str
    key: str
    wording: Wording
    rvs: RvsMethod | None = None
    alpha: float = DEFAULT_ALPHA
    roi: Roi | None = None

    @property
    def object(self) -> str:
        """The words that stand for the category in the prompts."""
        return self.wording.object

    def fingerprint(self, model: str) -> str:
        """sha256 over all that moves a score of this category: the model's own, `model`, with
        the prompts, rvs and region. Its id has no part in it.
        """
        region = None if self.roi is None else self.roi.digest
        parts = [model, worded(self.wording).digest, self.rvs, region]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


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
    words = spoken(identifier)
    if not any(c.isalnum() for c in words):
        raise ObjectNameError(f"category {identifier!r}: expected at least one letter or digit")
    return Category(identifier, key_of(identifier), Wording(words))


def _allowed(character: str) -> bool:
    # Many scripts write vowels as combining marks, which no composed letter replaces.
    mark = unicodedata.category(character).startswith("M")
    return mark or character.isalnum() or character in _PUNCTUATION
