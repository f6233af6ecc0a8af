"""How a category's id is read and under which key it is looked up. Pure text, nothing else.

    words  metal_nut, metal-nut, "metal  nut"                    -> metal nut
    key    metal_nut, Metal nut, METAL-NUT                       -> metal nut

Two ids of one key are one category: they say the same words, so the model hears no difference
between them, and what was calibrated under the one decides for the other. Runs of separators count
once for the same reason. A point stays what it is: M3.5 is not M3 5.
"""

import unicodedata

_AS_SPACES = str.maketrans("_-", "  ")


def spoken(identifier: str) -> str:
    """An id as words: `_` and `-` read as spaces, several in a row as one."""
    return " ".join(identifier.translate(_AS_SPACES).split())


def key_of(identifier: str) -> str:
    """The key of an id: its words, case-folded, letters composed (NFC) before and after.

    After as well, since folding takes some letters apart. A key's own key is itself.
    """
    words = spoken(unicodedata.normalize("NFC", identifier))
    return unicodedata.normalize("NFC", words.casefold())
