"""Which surfaces exist, by the name a person would type, and what each may be used for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.offline.choices import Group
from app.offline.synthetic import held_out, materials, objects, panels, photographs, unseen
from app.offline.synthetic.draw import Array, Draw

Scene = tuple[Array, Array]


@dataclass(frozen=True)
class Kind:
    """A surface or object: its name, group and painter.

    `paint(draw, side)` gives (image [S,S,3], region [S,S]): where damage may be put.
    """

    name: str
    group: Group
    paint: Callable[[Draw, int], Scene]


def _whole(paint: Callable[[Draw, int], Array]) -> Callable[[Draw, int], Scene]:
    def with_region(draw: Draw, side: int) -> Scene:
        return paint(draw, side), np.ones((side, side), np.float32)

    return with_region


def _surfaces(group: Group, paints: list[Callable[[Draw, int], Array]]) -> dict[str, Kind]:
    names = [paint.__name__.replace("_", " ") for paint in paints]
    return {
        name: Kind(name, group, _whole(paint)) for name, paint in zip(names, paints, strict=True)
    }


def _objects(group: Group, paints: list[Callable[[Draw, int], Scene]]) -> dict[str, Kind]:
    names = [paint.__name__.replace("_", " ") for paint in paints]
    return {name: Kind(name, group, paint) for name, paint in zip(names, paints, strict=True)}


TEXTURES = _surfaces(
    Group.TEXTURES,
    [
        materials.carpet, materials.leather, materials.wood, materials.concrete,
        materials.marble, materials.asphalt, materials.paper, materials.fabric,
        materials.denim, materials.knitwear,
    ],
)  # fmt: skip
PANELS = _surfaces(
    Group.PANELS,
    [
        panels.tile, panels.brushed_metal, panels.sheet_metal, panels.painted_panel,
        panels.printed_panel, panels.rubber_mat, panels.perforated_panel, panels.mesh_grid,
        panels.ribbed_panel, panels.solar_panel, panels.circuit_board,
    ],
)  # fmt: skip
UNSEEN = _surfaces(Group.UNSEEN, [unseen.cork, unseen.felt, unseen.bamboo_mat, unseen.stucco])
PHOTOGRAPHS = _surfaces(
    Group.PHOTOGRAPHS, [photographs.brick, photographs.grass, photographs.gravel]
)
OBJECTS = _objects(Group.OBJECTS, [objects.washer, objects.nut, objects.coin, objects.capsule])
HELD_OUT = _objects(Group.HELD_OUT, [held_out.gear, held_out.button, held_out.bottle_cap])

TRAINED = {**TEXTURES, **PANELS}
"""The only kinds that the demo backbone's training may draw."""

BENCHMARK_ONLY = {**UNSEEN, **PHOTOGRAPHS, **HELD_OUT}
"""Kinds that nothing may be trained on: neither the backbone nor linear heads."""

KINDS = {**TRAINED, **UNSEEN, **OBJECTS, **PHOTOGRAPHS}
"""Every kind of the frozen benchmark by name."""

ALL_KINDS = {**KINDS, **HELD_OUT}
"""Every kind by name."""

GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name, kind in ALL_KINDS.items() if kind.group is group) for group in Group
}
"""The names of the kinds in each group."""
