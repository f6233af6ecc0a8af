"""Generated pairs as a data set on disk, in MVTec-AD's layout.

    OUT/KIND/test/good/NNN.png
    OUT/KIND/test/DEFECT/NNN.png, OUT/KIND/ground_truth/DEFECT/NNN_mask.png

Twins share their number; defects take turns; spaces in names become underscores. `dataset.json`
says how it was made. OUT appears whole or not at all: it is written under another name beside it.
Knows nothing of command lines.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from app.errors import FieldError
from app.offline.choices import Split
from app.offline.synthetic.defects import DEFECTS
from app.offline.synthetic.kinds import ALL_KINDS, BENCHMARK_ONLY, GROUPS
from app.offline.synthetic.pairs import Pair, generate_pair

NOTES = "dataset.json"
GENERATOR = 1
"""Raised when the same recipe gives other pixels."""


@dataclass(frozen=True)
class DiskRecipe:
    """What a generated data set holds; equal recipes give equal pixels.

    `pairs` for each of `kinds`, with the seeds `first_seed`, `first_seed` + 1, ... Raises
    FieldError for no pair, a negative seed, and a kind that is unknown or not for this split.
    """

    kinds: tuple[str, ...]
    pairs: int
    split: Split = Split.TRAINING
    first_seed: int = 0

    def __post_init__(self) -> None:
        if self.pairs < 1:
            raise FieldError(f"pairs {self.pairs}: expected at least 1 per kind")
        if self.first_seed < 0:
            raise FieldError(f"first seed {self.first_seed}: expected 0 or more")
        if not self.kinds:
            raise FieldError("no kind: expected at least one")
        for kind in self.kinds:
            if kind not in ALL_KINDS:
                raise FieldError(f"kind {kind!r} is unknown; expected one of {_known()}")
            if kind in BENCHMARK_ONLY and self.split is not Split.BENCHMARK:
                raise FieldError(
                    f"kind {kind!r} is for the benchmark only, got split {self.split.value!r}"
                )

    @property
    def notes(self) -> dict[str, object]:
        """What `dataset.json` holds."""
        return {"generated": True, "generator": GENERATOR, **asdict(self), "kinds": [*self.kinds]}


def expand_kinds(names: Sequence[str]) -> tuple[str, ...]:
    """Names of kinds and of groups, with spaces or underscores -> kinds, each once."""
    found: list[str] = []
    for name in names:
        words = name.replace("_", " ").strip()
        group = GROUPS.get(words.replace(" ", "_"))
        if group is None and words not in ALL_KINDS:
            raise FieldError(f"kind {name!r} is unknown; expected one of {_known()}")
        found += group or (words,)
    return tuple(dict.fromkeys(found))


def write_dataset(out: Path, recipe: DiskRecipe, progress: Callable[[int, int], None]) -> bool:
    """Generate a data set into `out`; `progress(done, total)` counts pairs.

    False where it already lies there, made by the same recipe. Raises FieldError where `out` holds
    anything else.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        if _notes_in(out) == recipe.notes:
            return False
        raise FieldError(
            f"{out} already holds something else: expected no such folder, or an empty"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    working = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        working.chmod(0o777 & ~_umask())  # mkdtemp's own is for its owner alone
        _fill(working, recipe, progress)
        notes = json.dumps(recipe.notes, indent=2) + "\n"
        (working / NOTES).write_text(notes, encoding="utf-8")
        os.replace(working, out)  # over an empty folder too
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
    return True


def _fill(folder: Path, recipe: DiskRecipe, progress: Callable[[int, int], None]) -> None:
    defects = list(DEFECTS)
    total = len(recipe.kinds) * recipe.pairs
    digits = max(3, len(str(recipe.pairs - 1)))
    for place, kind in enumerate(recipe.kinds):
        for index in range(recipe.pairs):
            defect = defects[index % len(defects)]
            pair = generate_pair(kind, recipe.first_seed + index, recipe.split, defect)
            _write_pair(folder / _spelt(kind), f"{index:0{digits}d}", pair)
            progress(place * recipe.pairs + index + 1, total)


def _write_pair(folder: Path, number: str, pair: Pair) -> None:
    defect = _spelt(pair.defect)
    for path, pixels in (
        (folder / "test" / "good" / f"{number}.png", pair.good),
        (folder / "test" / defect / f"{number}.png", pair.defective),
        (
            folder / "ground_truth" / defect / f"{number}_mask.png",
            np.asarray(pair.mask, np.uint8) * 255,
        ),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def _notes_in(out: Path) -> object:
    try:
        return json.loads((out / NOTES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _spelt(name: str) -> str:
    return name.replace(" ", "_")


def _known() -> str:
    return f"{', '.join(ALL_KINDS)}; groups: {', '.join(GROUPS)}"
