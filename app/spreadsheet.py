"""Text that spreadsheets show as it is: what a CSV file begins with, and cells that run nothing.

A spreadsheet takes a file without a mark for one of its own code page, and a cell for a formula by
its first character, full-width forms included. Knows nothing of what the cells say.
"""

import re

MARK = "\ufeff"
"""What UTF-8 text for spreadsheets begins with; readers of `utf-8-sig` take it away."""

# With the quotes before it, so that what is guarded can be told from what had a quote of its own.
_FORMULA = re.compile("'*[-=+@\t\r\n\uff0d\uff1d\uff0b\uff20]")


def guarded(text: str) -> str:
    """The text, preceded by `'` where a spreadsheet would run it."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
