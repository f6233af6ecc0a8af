"""TIFF files of every form: the pixels of the raw samples, or a refusal that names the form."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from app.errors import ImageDecodeError, ImageFormatError, NothingVisibleError
from app.images.headers.tiff import read_page
from app.images.headers.tiff_form import form_of
from app.images.reading import decode_image, read_picture, read_samples
from tests.images.image_bytes import TURNS, file_of
from tests.images.shown import tiff_shows
from tests.images.tiff_forms import (
    DEPTHS,
    PHOTOMETRICS,
    UNTOLD,
    TiffMade,
    every_form,
    plain_forms,
    some_forms,
)
from tests.images.tiff_writer import Storage, tiff_bytes
from tests.images.verdicts import LIMITS, counts, verdict
from tests.pictures import gradient

GREY, RGB, PALETTE = 1, 2, 3
SEED = 20


def check(made: TiffMade) -> None:
    assert verdict(made, np.random.default_rng(1)) == "right"


def refusal(made: TiffMade) -> str:
    with pytest.raises(ImageFormatError) as refused:
        read_picture(made.make(np.random.default_rng(1))[0], LIMITS)
    return str(refused.value)


def test_usual_forms_show_their_samples() -> None:
    found, odd = counts(itertools.islice(plain_forms(), SEED % 7, None, 7))
    assert (found["wrong"], found["refused"], found["damaged"]) == (0, 0, 0), odd
    assert found["right"] > 500


def test_no_form_is_wrong_and_no_intact_file_is_called_damaged() -> None:
    forms = list(some_forms(SEED, 2))
    met = {(form.photometric, form.storage.sample_format, form.storage.bits) for form in forms}
    assert len(met) > 0.9 * len(PHOTOMETRICS) * len(DEPTHS)  # palettes have no large depths
    found, odd = counts(forms)
    assert (found["wrong"], found["damaged"]) == (0, 0), odd
    assert found["right"] > 10


@pytest.mark.nightly
def test_all_usual_forms_show_their_samples() -> None:
    found, odd = counts(plain_forms())
    assert found.total() == found["right"], odd


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_of_all_forms_none_is_wrong() -> None:
    found, odd = counts(every_form())
    assert (found["wrong"], found["damaged"]) == (0, 0), odd
    assert found["right"] > 10_000


@pytest.mark.parametrize("end", ["<", ">"])
def test_sixteen_bits_in_planes(end: str) -> None:
    check(TiffMade(RGB, Storage(16, end=end, planar=2, rows=19)))


@pytest.mark.parametrize("end", ["<", ">"])
@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("photometric", [0, GREY, RGB])
def test_samples_that_share_bytes(photometric: int, bits: int, end: str) -> None:
    check(TiffMade(photometric, Storage(bits, end=end)))
    check(TiffMade(photometric, Storage(bits, end=end, compression=5, tile=16)))


@pytest.mark.parametrize("end", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
def test_white_is_zero_of_any_depth(compression: int, end: str) -> None:
    for number, bits in ((1, 1), (1, 4), (1, 8), (1, 12), (1, 16), (3, 32)):
        check(TiffMade(0, Storage(bits, number, end, compression=compression)))


@pytest.mark.parametrize("compression", [1, 5])
def test_floats_in_either_byte_order(compression: int) -> None:
    for end in "<>":
        check(TiffMade(GREY, Storage(32, 3, end, compression=compression)))


def test_a_colour_map_of_eight_bits_is_told_from_one_of_sixteen() -> None:
    for bits in (1, 4, 8):
        check(TiffMade(PALETTE, Storage(bits)))
        check(TiffMade(PALETTE, Storage(bits), narrow=True))


def test_a_colour_map_of_another_length_is_damaged() -> None:
    data = tiff_bytes(np.zeros((4, 4, 1), int), Storage(8), {262: [3], 320: [9] * 700})
    with pytest.raises(ImageDecodeError, match="700 numbers in its colour map: expected 768"):
        read_picture(data, LIMITS)


def test_samples_of_unknown_numbers_are_taken_for_unsigned() -> None:
    for bits in (1, 8, 12, 16):
        check(TiffMade(GREY, Storage(bits, 4)))


def test_premultiplied_grey() -> None:
    check(TiffMade(GREY, Storage(8), (1,)))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (TiffMade(GREY, Storage(8, 2)), "8-bit signed integers"),
        (TiffMade(GREY, Storage(16, 2, ">")), "16-bit signed integers"),
        (TiffMade(GREY, Storage(32, 1)), "32-bit unsigned integers"),
        (TiffMade(GREY, Storage(32, 1, ">")), "32-bit unsigned integers"),
        (TiffMade(GREY, Storage(64, 3)), "64-bit floats"),
        (TiffMade(GREY, Storage(16, 3)), "16-bit floats"),
        (TiffMade(GREY, Storage(64, 6)), "64-bit complex floats"),
        (TiffMade(RGB, Storage(32, 3)), "RGB of 32-bit floats"),
        (TiffMade(GREY, Storage(16), (2,)), r"16-bit unsigned .* alpha or others \(2,\)"),
        (TiffMade(GREY, Storage(8, planar=2), (2,)), "each channel by itself"),
        (TiffMade(RGB, Storage(12, planar=2)), "RGB of 12-bit .* each channel by itself"),
        (TiffMade(RGB, Storage(8, fill_order=2), (2,)), "fill order 2"),
        (TiffMade(8, Storage(8)), r"photometric interpretation 8 \(CIELAB\)"),
        (TiffMade(4, Storage(1)), r"photometric interpretation 4 \(a mask\)"),
        (TiffMade(32803, Storage(8)), r"32803 \(a colour filter array\)"),
        (TiffMade(RGB, Storage(8), UNTOLD), "does not say whether the last is alpha"),
    ],
)
def test_a_refusal_names_the_form(made: TiffMade, words: str) -> None:
    assert len(refusal(made)) < 300
    with pytest.raises(ImageFormatError, match=words):
        read_picture(made.make(np.random.default_rng(1))[0], LIMITS)


@pytest.mark.parametrize(
    ("compression", "words"),
    [
        (6, r"6 \(old-style JPEG\)"), (34712, r"34712 \(JPEG 2000\)"), (34887, r"\(LERC\)"),
        (50001, r"\(WebP\)"), (50002, r"\(JPEG XL\)"), (34676, r"\(SGI log\)"), (777, "777,"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_compression(compression: int, words: str) -> None:
    data = tiff_bytes(np.zeros((4, 4, 1), int), Storage(8), {262: [1], 259: [compression]})
    with pytest.raises(ImageFormatError, match="compression .*" + words):
        read_picture(data, LIMITS)


def test_a_fourth_sample_that_is_opaque_needs_no_word() -> None:
    samples = np.random.default_rng(0).integers(0, 256, (9, 7, 4))
    samples[..., 3] = 255
    image = decode_image(tiff_bytes(samples, Storage(8), {262: [RGB]}), LIMITS)
    np.testing.assert_array_equal(np.asarray(image), samples[..., :3])


def test_twelve_bits_in_sixteen_are_refused_where_the_file_says_so() -> None:
    samples = np.random.default_rng(0).integers(0, 4096, (9, 7, 1))
    data = tiff_bytes(samples, Storage(16), {262: [GREY], 281: [4095]})
    with pytest.raises(ImageFormatError, match="samples of 12 bits in 16"):
        read_picture(data, LIMITS)
    largest = tiff_bytes(samples, Storage(16), {262: [GREY], 281: [int(samples.max() - 1)]})
    assert read_picture(largest, LIMITS).image.size == (7, 9)


def test_what_a_file_tells_of_its_samples_oddly_is_not_asked() -> None:
    samples = np.random.default_rng(0).integers(0, 256, (9, 7, 3))
    data = tiff_bytes(samples, Storage(8), {262: [RGB], 280: [0] * 5, 340: [0], 341: [255]})
    np.testing.assert_array_equal(np.asarray(decode_image(data, LIMITS)), samples)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
@pytest.mark.parametrize("photometric", [0, 1])
def test_fax(compression: str, photometric: int) -> None:
    bits = Image.fromarray(np.random.default_rng(0).random((9, 21)) > 0.5)
    data = file_of(bits, "TIFF", compression=compression, tiffinfo={262: photometric})
    assert form_of(read_page(data)).photometric == photometric
    found = np.asarray(decode_image(data, LIMITS))[..., 0]
    np.testing.assert_array_equal(found > 0, np.asarray(bits))  # Pillow keeps what is shown


@pytest.mark.parametrize("mode", ["L", "RGB", "YCbCr"])
def test_jpeg_inside(mode: str) -> None:
    source = gradient(48, 32).convert(mode)
    data = file_of(source, "TIFF", compression="jpeg", quality=100)
    shown = np.asarray(source.convert("RGB"), int)
    assert np.abs(np.asarray(decode_image(data, LIMITS), int) - shown).max() < 12


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 2)])
def test_colours_of_fewer_pixels_than_brightness(across: int, down: int, compression: int) -> None:
    rng = np.random.default_rng(0)
    height, width = 16, 24
    samples = rng.integers(0, 256, (height, width, 3))
    blocks = samples[::down, ::across, 1:]
    samples[..., 1:] = blocks.repeat(down, axis=0).repeat(across, axis=1)
    units = samples.reshape(height // down, down, width // across, across, 3)
    bright = units[..., 0].transpose(0, 2, 1, 3).reshape(height // down, width // across, -1)
    stored = np.concatenate([bright, blocks], axis=-1).reshape(height // down, -1, 1)
    # The writer keeps rows of single samples; the tags tell what they are.
    tags = {262: [6], 256: [width], 257: [height], 258: [8] * 3, 277: [3], 339: [1] * 3}
    tags |= {530: [across, down], 278: [height]}
    data = tiff_bytes(stored, Storage(8, compression=compression, rows=height), tags)
    found = np.asarray(decode_image(data, LIMITS), int)
    assert np.abs(found - tiff_shows(samples, 6, 8)).max() <= 2


def test_fewer_bytes_than_pixels_are_damaged() -> None:
    # Behind the pixels there are more bytes, which libtiff would take for the rest of them.
    samples = np.random.default_rng(0).integers(0, 256, (19, 21, 1))
    for storage in (Storage(8), Storage(8, rows=19), Storage(8, tile=16)):
        data = tiff_bytes(samples, storage, {262: [GREY], 258: [16]}) + bytes(1000)
        with pytest.raises(ImageDecodeError, match=r"bytes of pixels: expected \d+ for its size"):
            read_picture(data, LIMITS)
    assert read_picture(tiff_bytes(samples, Storage(8), {262: [GREY]}) + bytes(9), LIMITS)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", [Storage(8), Storage(12), Storage(16), Storage(32, 3)])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("where", ["tag", "XMP"])
def test_all_are_turned_upright(
    orientation: int, form: Storage, photometric: int, where: str
) -> None:
    xmp = list(f'<x tiff:Orientation="{orientation}"/>'.encode())
    more = {274: [orientation]} if where == "tag" else {700: xmp}
    data, shown = TiffMade(photometric, form).make(np.random.default_rng(0), more)
    turned = TURNS[orientation](shown)
    found = np.asarray(decode_image(data, LIMITS), int)
    assert found.shape == turned.shape
    assert np.abs(found - turned).max() <= 1


@pytest.mark.parametrize("further", [(1,), (2,)])
def test_where_alpha_is_nowhere_nothing_is_visible(further: tuple[int, ...]) -> None:
    for photometric, samples in ((RGB, np.zeros((4, 5, 4), int)), (GREY, np.zeros((4, 5, 2), int))):
        data = tiff_bytes(samples, Storage(8), {262: [photometric], 338: list(further)})
        with pytest.raises(NothingVisibleError, match="all of its 5 x 4 pixels are transparent"):
            read_picture(data, LIMITS)
        assert read_samples(data, LIMITS).image.size == (5, 4)


def test_samples_of_any_range_may_be_read_for_masks() -> None:
    samples = np.array([[[0], [1], [7]], [[0], [70_000], [0]]])
    for storage in (Storage(32, 2), Storage(32, 2, ">"), Storage(32)):
        data = tiff_bytes(samples, storage, {262: [GREY]})
        found = np.asarray(read_samples(data, LIMITS).image)
        np.testing.assert_array_equal(found, samples[..., 0])
    small = tiff_bytes(samples % 2, Storage(16), {262: [GREY]})
    np.testing.assert_array_equal(
        np.asarray(read_samples(small, LIMITS).image), samples[..., 0] % 2
    )


_DAMAGED = """
import sys
import numpy as np
from app.errors import InputError
from tests.images.tiff_writer import COMPRESSIONS, Storage, tiff_bytes
from tests.images.verdicts import LIMITS
from app.images.reading import read_picture

rng = np.random.default_rng(0)
for compression in (*COMPRESSIONS, 2, 3, 4, 6, 7, 34712, 34887, 50001):
    stored = 1 if compression in (2, 3, 4, 6, 7, 34712, 34887, 50001) else compression
    samples = rng.integers(0, 2, (40, 50, 1))
    storage = Storage(1 if compression in (2, 3, 4) else 8, compression=stored)
    data = bytearray(tiff_bytes(samples, storage, {262: [1], 259: [compression]}))
    for at in range(len(data) // 2, len(data), 3):
        data[at] ^= 0x55
    for file in (bytes(data), bytes(data[:-40])):
        try:
            read_picture(file, LIMITS)
        except InputError:
            pass
"""


def test_libtiff_says_nothing_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DAMAGED], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
