"""Sample -> RGB picture, and sample -> mask of the model's side.

A mask marks a pixel by any value above zero, whatever its pixel format; alpha does not count, and
of a palette the colours count (the numbers, where all its colours are black). In a JPEG, whose
edges ring, a mark is above half of the range. It is made binary
first, then resized, in floating point: marked is what at least half of the weights call marked.
Knows no layout.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.errors import DatasetError, InputError
from app.images.reading import ImageLimits, decode_image, read_samples, upright_size
from app.offline.datasets.model import Sample

LIMITS = ImageLimits(max_bytes=1 << 30, max_pixels=1 << 28)
"""Of pictures from the user's own disk: only against what is no picture at all."""

_RINGING = 127  # of 255: what a lossy format adds around an edge stays below
_TIE = 1e-6  # half of the weights is marked, whatever the last bit of their sum says


def load_image(sample: Sample) -> Image.Image:
    """The upright RGB picture, see `app.images.reading.decode_image`. Raises DatasetError."""
    data = _read(sample.image, "image")
    try:
        return decode_image(data, LIMITS)
    except InputError as error:
        raise DatasetError(f"image {sample.image}: {error}") from error


def load_mask(sample: Sample, side: int) -> NDArray[np.bool_]:
    """The mask [side,side], True where anomalous; all False for a sample without a mask.

    Pillow's bilinear filter, which averages when it shrinks, cut at 0.5 (>=). Raises DatasetError
    for a mask that cannot be read or has another size than its image.
    """
    if sample.mask is None:
        return np.zeros((side, side), np.bool_)
    marked = mask_pixels(sample.mask)
    need_same_size(sample, (marked.shape[1], marked.shape[0]), _upright_size(sample.image))
    resized = Image.fromarray(marked.astype(np.float32)).resize(
        (side, side), Image.Resampling.BILINEAR
    )
    return np.asarray(np.asarray(resized) >= 0.5 - _TIE)


def mask_pixels(path: Path) -> NDArray[np.bool_]:
    """A mask as it is on disk, upright: [H,W], True where anomalous. Raises DatasetError."""
    data = _read(path, "mask")
    try:
        picture = read_samples(data, LIMITS)
    except InputError as error:
        raise DatasetError(f"mask {path}: {error}") from error
    return _marked(picture.image, _RINGING if picture.format == "JPEG" else 0)


def need_same_size(sample: Sample, mask: tuple[int, int], image: tuple[int, int]) -> None:
    """Raise DatasetError where the mask's (width, height) is not its image's."""
    if mask != image:
        raise DatasetError(
            f"mask {sample.mask} is {mask[0]} x {mask[1]}: expected {image[0]} x {image[1]} as its "
            f"image {sample.image}"
        )


def _marked(image: Image.Image, above: int) -> NDArray[np.bool_]:
    if image.mode in ("P", "PA"):
        if any(image.getpalette("RGB") or ()):
            return np.asarray(np.asarray(image.convert("RGBA"))[..., :3].any(axis=-1))
        numbers = np.asarray(image)
        return np.asarray((numbers if numbers.ndim == 2 else numbers[..., 0]) > 0)
    if image.mode in ("LA", "La", "RGBA", "RGBa"):
        return np.asarray((np.asarray(image)[..., :-1] > 0).any(axis=-1))
    if image.mode not in ("1", "L", "RGB") and not image.mode.startswith(("I", "F")):
        image = image.convert("RGB")
    values = np.asarray(image) > above
    return np.asarray(values if values.ndim == 2 else values.any(axis=-1))


def _upright_size(path: Path) -> tuple[int, int]:
    # Mostly from the header alone; `check_dataset` compares with the decoded picture.
    try:
        return upright_size(_read(path, "image"), LIMITS)
    except DatasetError:
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on broken bytes
        raise DatasetError(f"image {path} cannot be read ({error}): expected an image") from error


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{what} {path} cannot be read ({error.strerror or error}): expected a file"
        ) from error
