"""BMP files of every form: the pixels of the raw samples, or a refusal that names the form."""

from dataclasses import replace

import numpy as np
import pytest

from app.errors import ImageDecodeError, ImageFormatError
from app.images.reading import decode_image, read_picture
from tests.images.bmp_forms import DEPTHS, HEADERS, MASKS, BmpMade, every_form, some_forms
from tests.images.verdicts import LIMITS, counts, verdict

SEED = 21


def check(made: BmpMade) -> None:
    assert verdict(made, np.random.default_rng(1)) == "right", made


def file_of(made: BmpMade) -> bytes:
    return made.make(np.random.default_rng(1))[0]


def test_no_form_is_wrong_and_no_intact_file_is_called_damaged() -> None:
    found, odd = counts(some_forms(SEED, 400))
    assert (found["wrong"], found["damaged"]) == (0, 0), odd
    assert found["right"] > 200


@pytest.mark.nightly
def test_of_all_forms_none_is_wrong() -> None:
    found, odd = counts(every_form())
    assert (found["wrong"], found["damaged"]) == (0, 0), odd
    assert found["right"] > 1000


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("bits", DEPTHS)
def test_every_header_and_depth_is_read(header: int, bits: int) -> None:
    check(BmpMade(header, bits))
    if header != 12:
        check(BmpMade(header, bits, top_down=True))


@pytest.mark.parametrize("header", [108, 124])
@pytest.mark.parametrize("alpha", ["noise", "nowhere", "everywhere"])
def test_alpha_counts_unless_it_is_nowhere(header: int, alpha: str) -> None:
    for bits in (16, 32):
        for masks in MASKS[bits]:
            if masks[3]:
                check(BmpMade(header, bits, 3, masks, alpha=alpha))


def test_a_grey_palette_does_not_change_how_pixels_are_kept() -> None:
    for bits in (1, 4, 8):
        for palette in ("grey", "two greys", "dark greys", "short"):
            check(BmpMade(40, bits, palette=palette))


@pytest.mark.parametrize(("bits", "compression"), [(8, 1), (4, 2)])
def test_runs(bits: int, compression: int) -> None:
    check(BmpMade(40, bits, compression))
    check(BmpMade(40, bits, compression, runs="pieces"))


@pytest.mark.parametrize("runs", ["ends early", "left", "empty rows", "early rows"])
@pytest.mark.parametrize(("bits", "compression"), [(8, 1), (4, 2)])
def test_runs_that_leave_pixels_open_are_refused(bits: int, compression: int, runs: str) -> None:
    with pytest.raises(ImageFormatError, match=r"leaves \d+ of its 91 pixels open"):
        read_picture(file_of(BmpMade(40, bits, compression, runs=runs)), LIMITS)


def test_runs_that_are_cut_are_damaged() -> None:
    data = file_of(BmpMade(40, 8, 1))
    whole = np.asarray(decode_image(data, LIMITS))
    for cut in (1, 2, 3, 4):  # the ends of the row and of the picture, which nothing needs
        np.testing.assert_array_equal(np.asarray(decode_image(data[:-cut], LIMITS)), whole)
    for cut in (5, 6, 9, 40):
        with pytest.raises(ImageDecodeError, match="does not decode"):
            read_picture(data[:-cut], LIMITS)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (BmpMade(40, 8, 4), "compression JPEG"),
        (BmpMade(40, 8, 5), "compression PNG"),
        (BmpMade(64, 24, 4), "24 bits a pixel and compression RLE24"),
        (BmpMade(64, 1, 3), "Huffman 1D"),
        (BmpMade(40, 8, 1, top_down=True), "RLE8 from the top down"),
        (BmpMade(40, 32, 3, (0, 0, 0, 0)), "bit masks 0, 0, 0, 0"),
        (BmpMade(40, 32, 3, (0xF0F, 0xF0, 0xF000, 0)), "bit masks f0f, f0, f000"),
    ],
)
def test_a_refusal_names_the_form(made: BmpMade, words: str) -> None:
    with pytest.raises(ImageFormatError, match=words):
        read_picture(file_of(made), LIMITS)


def test_a_pixel_that_the_palette_lacks_is_damage() -> None:
    data = bytearray(file_of(BmpMade(40, 8, palette="short")))
    data[-1 - 3] = 3  # of the upper row the last pixel; three bytes fill it up
    with pytest.raises(ImageDecodeError, match="a pixel of colour 3: expected at most 2"):
        read_picture(bytes(data), LIMITS)


def test_some_files_say_that_pixels_begin_where_the_palette_does() -> None:
    for made in (BmpMade(40, 8), BmpMade(12, 4), BmpMade(40, 24), BmpMade(40, 16, 3, MASKS[16][1])):
        data = bytearray(file_of(made))
        whole = np.asarray(decode_image(bytes(data), LIMITS))
        for start in (14 + made.header, 0):
            data[10:14] = start.to_bytes(4, "little")
            np.testing.assert_array_equal(np.asarray(decode_image(bytes(data), LIMITS)), whole)


@pytest.mark.parametrize(
    "made", [BmpMade(40, 24), BmpMade(40, 8), BmpMade(124, 32, 3, MASKS[32][1])]
)
def test_a_file_that_ends_early_is_damaged(made: BmpMade) -> None:
    data = file_of(made)
    for cut in (5, len(data) // 2, len(data) - 40, len(data) - 20):
        with pytest.raises(ImageDecodeError):
            read_picture(data[:-cut], LIMITS)


def test_a_row_that_is_not_filled_up_at_the_end_is_whole() -> None:
    made = replace(BmpMade(40, 24), top_down=True)
    data = file_of(made)
    np.testing.assert_array_equal(
        np.asarray(decode_image(data[:-1], LIMITS)), np.asarray(decode_image(data, LIMITS))
    )
    with pytest.raises(ImageDecodeError):
        read_picture(data[:-2], LIMITS)
