"""What may be chosen of training, evaluation and generators, by name: for their command lines.

Imports nothing heavy, and nothing of an extra: help is read before either is there. Knows nothing
of what the names stand for.
"""

from enum import StrEnum

from app.clipad import choices

SERVED = choices.METHODS
"""Those that are served."""


class BaselineName(StrEnum):
    """The paper's baselines, which only an evaluation knows; see `evaluation.baselines`."""

    DIRECT = "direct"
    CLIP_SURGERY = "clip_surgery"


METHODS: tuple[str, ...] = (*map(str, BaselineName), *SERVED)
"""Every method that an evaluation can measure."""


class Precision(StrEnum):
    """Number format of features on disk: half the space, or exactly what the backbone gave."""

    FLOAT16 = "float16"
    FLOAT32 = "float32"


class Split(StrEnum):
    """What a generated image is for; decides its seeds and the sub-ranges of its settings."""

    TRAINING = "training"
    VALIDATION = "validation"
    BENCHMARK = "benchmark"


class Group(StrEnum):
    """Groups of generated surfaces and objects; see `synthetic.kinds`."""

    TEXTURES = "textures"
    PANELS = "panels"
    UNSEEN = "unseen"
    OBJECTS = "objects"
    PHOTOGRAPHS = "photographs"
    HELD_OUT = "held_out"
