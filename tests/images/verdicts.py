"""What the service makes of a file whose pixels are known: right, refused, damaged or wrong.

    python -m tests.images.verdicts

counts all generated forms of TIFF, BMP and PNG by verdict and ends in one line of JSON.
"""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import numpy as np

from app.errors import ImageDecodeError, ImageFormatError
from app.images.reading import ImageLimits, read_picture
from tests.images.shown import Shown

LIMITS = ImageLimits(max_bytes=10_000_000, max_pixels=1_000_000)


class Made(Protocol):
    """A form that can be made into a file."""

    def make(self, rng: np.random.Generator) -> tuple[bytes, Shown]: ...

    @property
    def tolerance(self) -> int: ...


def verdict(form: Made, rng: np.random.Generator) -> str:
    """right: the pixels of the raw samples; refused: 415; damaged: 400; wrong: other pixels."""
    data, shown = form.make(rng)
    try:
        found = np.asarray(read_picture(data, LIMITS).image, np.int64)
    except ImageFormatError:
        return "refused"
    except ImageDecodeError:
        return "damaged"
    if found.shape != shown.shape:
        return "wrong"
    return "right" if np.abs(found - shown).max() <= form.tolerance else "wrong"


def counts(forms: Iterable[Made], seed: int = 0) -> tuple[Counter[str], dict[str, list[Made]]]:
    """How many forms have which verdict, and the first 20 of each that is wrong or damaged."""
    rng = np.random.default_rng(seed)
    found: Counter[str] = Counter()
    odd: dict[str, list[Made]] = {"wrong": [], "damaged": []}
    for form in forms:
        said = verdict(form, rng)
        found[said] += 1
        if said in odd and len(odd[said]) < 20:
            odd[said].append(form)
    return found, odd


def main() -> None:
    """Print the counts of all forms."""
    from tests.images import bmp_forms, png_forms, tiff_forms

    rows = {}
    for kind, forms in (
        ("TIFF", tiff_forms.every_form()),
        ("BMP", bmp_forms.every_form()),
        ("PNG", png_forms.every_form()),
    ):
        found, odd = counts(forms)
        rows[kind] = {
            "generated": found.total(),
            "right": 0,
            "refused": 0,
            "damaged": 0,
            "wrong": 0,
        }
        rows[kind] |= found
        print(kind, rows[kind], *odd["wrong"], *odd["damaged"], sep="\n  ")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
