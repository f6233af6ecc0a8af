"""Pixels of samples: every pixel format of a mask, rotation, and how a mask is resized."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.clipad.prompts import Domain
from app.errors import DatasetError
from app.offline.datasets import Dataset, Sample, check_dataset, load_image, load_mask
from app.offline.datasets.pictures import mask_pixels
from tests.images.image_bytes import png_file
from tests.offline.datasets.disk import HEIGHT, WIDTH, picture

MARKED = np.zeros((HEIGHT, WIDTH), np.uint8)
MARKED[2:5, 3:9] = 1
ROTATED = 6  # EXIF: to be turned by a quarter


def sample(folder: Path, mask: Image.Image, name: str = "mask.png") -> Sample:
    mask.save(folder / name)
    return Sample(picture(folder / "image.png"), folder / name, "nut", "hole", True)


def exact(folder: Path, mask: Image.Image, name: str = "mask.png") -> np.ndarray:
    """The mask at 24 x 24, where every pixel of 12 x 8 covers 2 x 3."""
    return load_mask(sample(folder, mask, name), 24)[1::3, ::2]


def palette(colours: list[int], numbers: np.ndarray = MARKED) -> Image.Image:
    image = Image.fromarray(numbers)
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette(colours)
    return image


def layers(*planes: np.ndarray) -> np.ndarray:
    return np.stack(planes, axis=-1).astype(np.uint8)


OPAQUE, NOTHING = np.full_like(MARKED, 255), np.zeros_like(MARKED)
FORMATS = {
    "1": Image.fromarray(MARKED * 255).convert("1"),
    "L, faint": Image.fromarray(MARKED),
    "I;16, faint": Image.fromarray(MARKED.astype(np.uint16)),
    "I;16, high byte": Image.fromarray(MARKED.astype(np.uint16) * 256),
    "RGB, one channel": Image.fromarray(layers(NOTHING, NOTHING, MARKED)),
    "RGBA, alpha apart": Image.fromarray(layers(MARKED, NOTHING, NOTHING, OPAQUE)),
    "RGBA, transparent": Image.fromarray(layers(MARKED, NOTHING, NOTHING, NOTHING)),
    "LA": Image.fromarray(layers(MARKED * 9, OPAQUE)),
    "P, black and red": palette([0, 0, 0, 128, 0, 0]),
    "P, black first or not": palette([255, 255, 255, 0, 0, 0], 1 - MARKED),
    "P, all black": palette([0, 0, 0, 0, 0, 0]),
}


@pytest.mark.parametrize("mask", FORMATS.values(), ids=FORMATS.keys())
def test_every_pixel_format_marks_the_same(mask: Image.Image, tmp_path: Path) -> None:
    found = exact(tmp_path, mask)
    assert found.dtype == np.bool_
    assert np.array_equal(found, MARKED > 0)


def test_16_bits_and_transparent_palettes_in_other_containers(tmp_path: Path) -> None:
    assert np.array_equal(exact(tmp_path, FORMATS["I;16, faint"], "m.tif"), MARKED > 0)
    coloured = palette([0, 0, 0, 128, 0, 0])
    coloured.save(tmp_path / "clear.png", transparency=b"\x00\x80")
    with Image.open(tmp_path / "clear.png") as clear:
        assert np.array_equal(exact(tmp_path, clear), MARKED > 0)


def test_a_palette_mask_that_shows_only_black_marks_nothing(tmp_path: Path) -> None:
    assert not exact(tmp_path, palette([255, 255, 255, 0, 0, 0], np.ones_like(MARKED))).any()


def test_what_a_jpeg_adds_around_an_edge_is_no_mark(tmp_path: Path) -> None:
    block = np.zeros((16, 16), np.uint8)
    block[5:11, 5:11] = 255
    Image.fromarray(block).save(tmp_path / "mask.jpg", quality=50)
    assert (np.asarray(Image.open(tmp_path / "mask.jpg"))[block == 0] > 0).any()
    assert np.array_equal(mask_pixels(tmp_path / "mask.jpg"), block > 0)


def test_without_a_mask_nothing_is_marked(tmp_path: Path) -> None:
    good = Sample(picture(tmp_path / "image.png"), None, "nut", "good", False)
    assert load_mask(good, 5).shape == (5, 5)
    assert not load_mask(good, 5).any()


@pytest.mark.parametrize("columns", range(9))
def test_half_of_the_weight_marks_a_pixel(columns: int, tmp_path: Path) -> None:
    """8 x 8 to 2 x 2: the filter spans 8 pixels (1 3 5 7 7 5 3 1), less those outside."""
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:, :columns] = 255
    made = Sample(tmp_path / "i.png", tmp_path / "m.png", "nut", "hole", True)
    Image.new("RGB", (8, 8)).save(made.image)
    Image.fromarray(pixels).save(tmp_path / "m.png")
    weights = {0: np.array([5, 7, 7, 5, 3, 1, 0, 0]), 1: np.array([0, 0, 1, 3, 5, 7, 7, 5])}
    expected = [2 * w[:columns].sum() >= w.sum() for w in weights.values()]
    assert load_mask(made, 2).tolist() == [expected, expected]


def test_a_rotated_photograph_and_its_upright_mask(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = ROTATED
    for name in ("image.jpg", "image.png"):
        Image.new("RGB", (HEIGHT, WIDTH)).save(tmp_path / name, exif=exif)
        Image.fromarray(MARKED).save(tmp_path / "mask.png")
        made = Sample(tmp_path / name, tmp_path / "mask.png", "nut", "hole", True)
        assert load_image(made).size == (WIDTH, HEIGHT)
        assert np.array_equal(load_mask(made, 24)[1::3, ::2], MARKED > 0)
        check_dataset(Dataset("folder", tmp_path, Domain.INDUSTRIAL, (made,), True))
        Image.fromarray(MARKED.T.copy()).save(tmp_path / "mask.png")
        with pytest.raises(DatasetError, match=r"mask\.png is 8 x 12: expected 12 x 8"):
            load_mask(made, 24)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["tif", "png", "jpg", "webp"])
@pytest.mark.parametrize("where", ["Exif", "XMP"])
def test_masks_and_photographs_are_measured_alike_however_turned(
    orientation: int, kind: str, where: str, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"exif": exif} if where == "Exif" else {}
    if where == "XMP":
        words = f'<x tiff:Orientation="{orientation}"/>'
        notes = PngInfo()
        notes.add_itxt("XML:com.adobe.xmp", words)
        options = {"pnginfo": notes} if kind == "png" else {"xmp": words.encode()}
        if kind == "tif":
            options = {"tiffinfo": {700: words.encode()}}
    stored = (HEIGHT, WIDTH) if orientation >= 5 else (WIDTH, HEIGHT)
    Image.new("RGB", stored, "grey").save(tmp_path / f"image.{kind}", **options)
    Image.fromarray(MARKED).save(tmp_path / "mask.png")
    made = Sample(tmp_path / f"image.{kind}", tmp_path / "mask.png", "nut", "hole", True)
    assert load_image(made).size == (WIDTH, HEIGHT)
    assert np.array_equal(load_mask(made, 24)[1::3, ::2], MARKED > 0)
    check_dataset(Dataset("folder", tmp_path, Domain.INDUSTRIAL, (made,), True))
    if kind != "jpg":  # and the mask itself, without what a lossy format adds
        turned = Image.new("RGB", stored)
        turned.putpixel((0, 1), (255, 255, 255))
        options |= {"lossless": True} if kind == "webp" else {}
        turned.save(tmp_path / f"turned.{kind}", **options)
        (row, column) = np.argwhere(mask_pixels(tmp_path / f"turned.{kind}"))[0]
        upright = load_image(Sample(tmp_path / f"turned.{kind}", None, "nut", "good", False))
        assert upright.getpixel((int(column), int(row))) == (255, 255, 255)


def test_a_mask_without_all_its_rows_is_refused(tmp_path: Path) -> None:
    whole, part = (png_file(np.full((rows, 8, 1), 1), 8, 0) for rows in (64, 8))
    (tmp_path / "mask.png").write_bytes(whole[:33] + part[33:])
    with pytest.raises(DatasetError, match=r"mask\.png: PNG image .* ends before its last row"):
        mask_pixels(tmp_path / "mask.png")


def test_labels_of_any_integers_mark(tmp_path: Path) -> None:
    for number, kind in enumerate((np.int32, np.uint16)):
        Image.fromarray(MARKED.astype(kind)).save(tmp_path / f"{number}.tif")
        assert np.array_equal(mask_pixels(tmp_path / f"{number}.tif"), MARKED > 0)


def test_pictures_are_rgb(tmp_path: Path) -> None:
    made = sample(tmp_path, Image.fromarray(MARKED))
    image = load_image(made)
    assert (image.mode, image.size) == ("RGB", (WIDTH, HEIGHT))
    assert image.getpixel((0, 0)) == (120, 120, 120)
