"""A seeded generator of good pictures and their damaged twins, with exact masks.

    Draw (settings by split) -> Kind.paint (surface) -> DEFECTS (damage) -> Camera -> Pair

It makes the training data and the frozen benchmark of the demo backbone, data sets for linear
heads, and pictures for tests and documentation. The pictures are synthetic: a figure measured on
them says that the program works, nothing about a real production line.
"""

from app.offline.choices import Split
from app.offline.synthetic.defects import DEFECTS
from app.offline.synthetic.kinds import (
    ALL_KINDS,
    BENCHMARK_ONLY,
    GROUPS,
    HELD_OUT,
    KINDS,
    OBJECTS,
    PANELS,
    PHOTOGRAPHS,
    TEXTURES,
    TRAINED,
    UNSEEN,
)
from app.offline.synthetic.pairs import SIDE, Pair, generate_pair

__all__ = [
    "ALL_KINDS",
    "BENCHMARK_ONLY",
    "DEFECTS",
    "GROUPS",
    "HELD_OUT",
    "KINDS",
    "OBJECTS",
    "PANELS",
    "PHOTOGRAPHS",
    "SIDE",
    "TEXTURES",
    "TRAINED",
    "UNSEEN",
    "Pair",
    "Split",
    "generate_pair",
]
