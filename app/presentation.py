"""What is shown of a map: the heatmap asked for, and the regions above the map's threshold.

Nothing here moves a score. Knows nothing of HTTP or the model.
"""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

from app.calibration import Calibration
from app.heatmap import (
    ColourMap,
    FloatMap,
    Scale,
    calibrated_scale,
    colour_png,
    overlay_png,
    per_image_scale,
)
from app.images.region import Inside
from app.images.tensors import fit_within
from app.regions import Region, regions
from app.rounding import rounded_map

Presentation = Literal["overlay", "map", "none"]


@dataclass(frozen=True)
class Frame:
    """What is kept of a picture to show its map with. upright: its size after EXIF rotation.

    size: the heatmap's, None where none is wanted; canvas: what lies below the colours, None for
    the colours alone.
    """

    upright: tuple[int, int]
    size: tuple[int, int] | None
    canvas: Image.Image | None


@dataclass(frozen=True)
class Rendering:
    """A heatmap's PNG file with its size in pixels and its scale."""

    png: bytes
    width: int
    height: int
    scale: Scale


class Presenter:
    """max_side: of a heatmap, in pixels, at most; colours: the name of its colour map."""

    def __init__(self, max_side: int, colours: ColourMap) -> None:
        self._max_side = max_side
        self._colours = colours

    def frame(self, image: Image.Image, heatmap: Presentation, side: int | None) -> Frame:
        """An upright RGB picture -> Frame; side: of a square heatmap, None: the picture's size."""
        if heatmap == "none":
            return Frame(image.size, None, None)
        size = fit_within(image.size, self._max_side) if side is None else (side, side)
        # The picture itself may be large; while it waits only what is shown of it is kept.
        overlay = heatmap == "overlay"
        canvas = image.resize(size, Image.Resampling.BILINEAR) if overlay else None
        return Frame(image.size, size, canvas)

    def present(
        self,
        anomaly: FloatMap,
        frame: Frame,
        calibration: Calibration | None,
        inside: Inside | None,
    ) -> tuple[Rendering | None, list[Region]]:
        """An anomaly map [S,S] -> its heatmap, if the frame has room for one, and its regions.

        Without a calibration there are none. inside: bool [S,S], where the map counts.
        """
        threshold = None if calibration is None else calibration.map_threshold
        found: list[Region] = []
        if threshold is not None:
            # As the map's maximum is: above it lies something exactly if that does, in every batch.
            found = regions(rounded_map(anomaly), threshold, frame.upright, inside)
        if frame.size is None:
            return None, found
        scale = _scale(anomaly, calibration, inside)
        if frame.canvas is not None:
            png = overlay_png(anomaly, scale, frame.canvas, self._colours, inside)
        else:
            png = colour_png(anomaly, scale, frame.size, self._colours, inside)
        return Rendering(png, *frame.size, scale), found


def _scale(anomaly: FloatMap, calibration: Calibration | None, inside: Inside | None) -> Scale:
    if calibration is None or calibration.map_threshold is None or calibration.map_low is None:
        return per_image_scale(anomaly, inside)
    return calibrated_scale(calibration.map_low, calibration.map_threshold)
