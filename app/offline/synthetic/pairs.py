"""One good picture, its damaged twin, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.errors import FieldError
from app.offline.choices import Split
from app.offline.synthetic.camera import Camera
from app.offline.synthetic.defects import DEFECTS
from app.offline.synthetic.draw import Draw
from app.offline.synthetic.kinds import ALL_KINDS, BENCHMARK_ONLY

SIDE = 240
"""Side of every picture in pixels."""

_MARGIN = 40
_ENOUGH = 120
"""Damage must touch this many pixels, or it is drawn again elsewhere."""


@dataclass(frozen=True)
class Pair:
    """A good picture and the same scene damaged, by the same light and camera.

    `good`, `defective`: [240,240,3] uint8 RGB. `mask`: [240,240] bool, True where damaged; the
    twins are equal farther than `camera.REACH` pixels from it.
    """

    good: NDArray[np.uint8]
    defective: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    kind: str
    group: str
    defect: str
    object_name: str


def generate_pair(
    kind: str, seed: int, split: Split = Split.TRAINING, defect: str | None = None
) -> Pair:
    """The pair of this kind, seed and split; equal arguments give equal pixels.

    `defect` names one of `DEFECTS`; None draws one. Raises `FieldError` for an unknown kind or
    defect, and for a kind in `BENCHMARK_ONLY` with any split but the benchmark's.
    """
    if kind not in ALL_KINDS:
        raise FieldError(f"kind {kind!r} is unknown; expected one of {', '.join(ALL_KINDS)}")
    if split is not Split.BENCHMARK and kind in BENCHMARK_ONLY:
        raise FieldError(f"kind {kind!r} is for the benchmark only, got split {split.value!r}")
    if defect is not None and defect not in DEFECTS:
        raise FieldError(f"defect {defect!r} is unknown; expected one of {', '.join(DEFECTS)}")
    draw = Draw(seed, kind, split)
    name = defect if defect is not None else draw.choice(list(DEFECTS))
    scene, region = ALL_KINDS[kind].paint(draw, SIDE)
    scene = np.asarray(np.clip(scene, 0, 1), np.float32)
    camera = Camera(draw, SIDE)
    inner = region[_MARGIN : SIDE - _MARGIN, _MARGIN : SIDE - _MARGIN] > 0.5
    rows, columns = np.nonzero(inner)
    while True:
        at = draw.integer(0, len(rows) - 1)
        centre = (float(columns[at] + _MARGIN), float(rows[at] + _MARGIN))
        damaged, touched = DEFECTS[name](draw, scene, centre)
        touched = touched * region
        mask = touched > 0.1
        if int(mask.sum()) >= _ENOUGH:
            break
    # The soft border of the damage belongs to it, faint islands far from it do not.
    touched = touched * np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)))
    damaged = np.where(touched[..., None] > 0, damaged, scene)
    return Pair(
        good=camera.take(scene),
        defective=camera.take(np.asarray(np.clip(damaged, 0, 1), np.float32)),
        mask=mask,
        kind=kind,
        group=ALL_KINDS[kind].group,
        defect=name,
        object_name=kind,
    )
