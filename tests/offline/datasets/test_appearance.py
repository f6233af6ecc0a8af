"""Masks and pictures are told apart by how many values they have."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from app.offline.datasets.appearance import have_few_values, look_like_masks
from tests.offline.datasets.disk import mask, photo, picture


def drawn(value: int = 255, size: int = 64) -> Image.Image:
    pixels = np.zeros((size, size), np.uint8)
    pixels[10:30, 5:40] = value
    return Image.fromarray(pixels)


MASKS: dict[str, Callable[[], Image.Image]] = {
    "m.png": drawn,
    "one.png": lambda: drawn(1),
    "bit.tif": lambda: drawn().convert("1"),
    "inverted.bmp": lambda: Image.eval(drawn(), lambda value: 255 - value),
    "red.png": lambda: Image.merge("RGB", (drawn(), Image.new("L", (64, 64)), drawn(0))),
    "soft.png": lambda: drawn(size=256).filter(ImageFilter.GaussianBlur(1)),
    "ringing.jpg": lambda: drawn(size=256),
    "many classes.png": lambda: Image.fromarray(np.repeat(np.arange(12, dtype=np.uint8), 64), "L"),
}


@pytest.mark.parametrize("name", MASKS)
def test_what_looks_like_a_mask(name: str, tmp_path: Path) -> None:
    image = MASKS[name]()
    if image.height == 1 or image.width == 1:
        image = image.resize((64, 12), Image.Resampling.NEAREST)
    image.save(tmp_path / name)
    assert look_like_masks([tmp_path / name])


def test_what_does_not(tmp_path: Path) -> None:
    one, flat = photo(tmp_path / "a.png"), picture(tmp_path / "b.png")
    marked, empty = mask(tmp_path / "c.png"), mask(tmp_path / "d.png", marked=False)
    broken = tmp_path / "e.png"
    broken.write_bytes(b"no picture")
    assert look_like_masks([marked, empty])
    for pictures in ([one], [flat], [empty], [marked, one], [broken], [marked, broken], []):
        assert not look_like_masks(pictures)
    assert have_few_values([flat, empty])
    assert not have_few_values([flat, one])


def test_a_few_of_many_are_looked_at_the_ends_among_them(tmp_path: Path) -> None:
    masks = [mask(tmp_path / f"{number}.png") for number in range(40)]
    assert look_like_masks(masks)
    photo(masks[-1])
    assert not look_like_masks(masks)
    assert look_like_masks(masks[:-1])
