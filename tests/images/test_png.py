"""PNG files of every form, with notes of any length; and those that show nothing."""

import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from app.errors import ImageDecodeError, NothingVisibleError
from app.images.reading import decode_image, read_picture, read_samples
from tests.images.image_bytes import TURNS, file_of, png_file, png_of, zeros_packed
from tests.images.png_forms import KINDS, every_form
from tests.images.verdicts import LIMITS, counts

STORED = np.arange(6).reshape(3, 2, 1) * 40
XMP = b"XML:com.adobe.xmp\0"


def test_every_form_shows_its_samples() -> None:
    forms = list(every_form())
    assert {(form.colour, form.depth) for form in forms} == set(KINDS)
    found, odd = counts(forms)
    assert found.total() == found["right"], odd


def test_a_transparent_colour_of_sixteen_bits_is_compared_whole() -> None:
    stored = np.array([[[0x1234] * 3, [0x1235] * 3, [0x2234] * 3]])
    data = png_file(stored, 16, 2, chunks=[(b"tRNS", b"\x12\x35" * 3)])
    assert np.asarray(decode_image(data, LIMITS)).tolist() == [[[0x12] * 3, [255] * 3, [0x22] * 3]]


NOTES = {
    "words of 2 MB": (b"tEXt", b"Raw\0" + b"x" * 2_000_000),
    "packed words of 2 MB": (b"zTXt", b"Raw\0\0" + zlib.compress(b"x" * 2_000_000)),
    "XMP of 2 MB": (b"iTXt", XMP + b"\0\0\0\0" + b" " * 2_000_000),
    "packed XMP of 2 MB": (b"iTXt", XMP + b"\1\0\0\0" + zlib.compress(b" " * 2_000_000)),
    "international words of 2 MB": (b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"x" * 2_000_000)),
    "colour profile of 1.5 MB": (
        b"iCCP",
        b"p\0\0" + zlib.compress(np.random.default_rng(0).bytes(1_500_000)),
    ),
    "words packed in another way": (b"zTXt", b"a\0\7any"),
    "a colour profile that is none": (b"iCCP", b"a"),
}


@pytest.mark.parametrize("name", NOTES)
@pytest.mark.parametrize("behind", [False, True])
def test_a_note_is_no_reason_to_refuse(name: str, behind: bool) -> None:
    data = png_file(STORED, 8, 0, chunks=[NOTES[name]])
    if behind:
        plain = png_file(STORED, 8, 0)
        note = png_of([NOTES[name]])[8:]
        data = plain[:-12] + note + plain[-12:]
    limits = type(LIMITS)(LIMITS.max_bytes, 100)
    np.testing.assert_array_equal(np.asarray(decode_image(data, limits))[..., 0], STORED[..., 0])


@pytest.mark.parametrize(
    "word", ["interlace", "transparency", "exif", "xmp", "bbox", "icc_profile"]
)
@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_a_keyword_is_not_taken_for_what_is_known_of_the_picture(word: str, kind: bytes) -> None:
    text = {
        b"tEXt": b"\0" + b"1",
        b"zTXt": b"\0\0" + zlib.compress(b"1"),
        b"iTXt": b"\0\0\0\0\0" + b"1",
    }[kind]
    stored = np.random.default_rng(0).integers(0, 256, (30, 20, 1))
    data = png_file(stored, 8, 0, chunks=[(kind, word.encode() + text)])
    np.testing.assert_array_equal(np.asarray(decode_image(data, LIMITS))[..., 0], stored[..., 0])


def long_xmp(orientation: int, where: int) -> bytes:
    text = bytearray(b" " * 3_000_000)
    words = b'<x tiff:Orientation="%d"/>' % orientation
    text[where : where + len(words)] = words
    return bytes(text)


@pytest.mark.parametrize("where", [0, 65_530, 2_900_000])
@pytest.mark.parametrize("packed", [False, True])
def test_the_rotation_is_found_in_long_notes(where: int, packed: bool) -> None:
    text = long_xmp(6, where)
    body = XMP + (b"\1\0\0\0" + zlib.compress(text) if packed else b"\0\0\0\0" + text)
    image = decode_image(png_file(STORED, 8, 0, chunks=[(b"iTXt", body)]), LIMITS)
    np.testing.assert_array_equal(np.asarray(image)[..., 0], np.rot90(STORED[..., 0], -1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_rotation_in_notes_of_a_program(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = exif.tobytes()
    text = f"\nexif\n{len(data):8}\n" + data.hex()
    stored = np.random.default_rng(0).integers(0, 256, (3, 2, 3))
    for chunk in (
        (b"tEXt", b"Raw profile type exif\0" + text.encode()),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text.encode())),
    ):
        image = decode_image(png_file(stored, 8, 2, chunks=[chunk]), LIMITS)
        np.testing.assert_array_equal(np.asarray(image), TURNS[orientation](stored))


def test_xmp_that_unpacks_without_end_is_refused_soon() -> None:
    body = XMP + b"\1\0\0\0" + zeros_packed(99 << 20)
    data = png_file(STORED, 8, 0, chunks=[(b"iTXt", body)] * 20)
    before = time.process_time()
    with pytest.raises(ImageDecodeError, match="XMP data of more than 67108864 bytes"):
        read_picture(data, LIMITS)
    assert time.process_time() - before < 5


def transparent() -> Iterator[tuple[str, bytes]]:
    nothing = np.zeros((4, 5, 4), int)
    nothing[..., :3] = 77
    yield "RGBA", png_file(nothing, 8, 6)
    yield "RGBA of 16 bits", png_file(nothing, 16, 6)
    yield "grey and alpha", png_file(nothing[..., 2:], 8, 4)
    one = np.full((4, 5, 1), 1)
    yield "grey", png_file(one, 8, 0, chunks=[(b"tRNS", b"\0\1")])
    yield "grey of 16 bits", png_file(one, 16, 0, chunks=[(b"tRNS", b"\0\1")])
    yield "RGB", png_file(np.full((4, 5, 3), 1), 8, 2, chunks=[(b"tRNS", b"\0\1" * 3)])
    palette = [(b"PLTE", bytes(6)), (b"tRNS", b"\xff\0")]
    yield "palette", png_file(one, 8, 3, chunks=palette)
    image = Image.new("RGBA", (5, 4), (9, 8, 7, 0))
    yield "WebP", file_of(image, "WEBP", lossless=True, exact=True)


@pytest.mark.parametrize(("name", "data"), list(transparent()))
def test_a_picture_that_shows_nothing_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(NothingVisibleError, match="all of its 5 x 4 pixels are transparent"):
        read_picture(data, LIMITS)
    assert read_samples(data, LIMITS).image.size == (5, 4)


def test_one_pixel_is_enough_to_be_seen() -> None:
    stored = np.zeros((4, 5, 4), int)
    stored[2, 3] = 9, 9, 9, 1
    assert decode_image(png_file(stored, 8, 6), LIMITS).size == (5, 4)


def test_a_pixel_that_the_palette_lacks_is_damage() -> None:
    stored = np.array([[[0], [2]]])
    data = png_file(stored, 8, 3, chunks=[(b"PLTE", bytes(6))])
    with pytest.raises(ImageDecodeError, match="a pixel of colour 2: expected at most 1"):
        read_picture(data, LIMITS)


def test_a_broken_note_leaves_the_checks_of_the_rest() -> None:
    data = bytearray(png_file(STORED, 8, 0, chunks=[(b"tEXt", b"a\0b")]))
    at = data.index(b"IDAT")
    data[at + 6] ^= 1
    with pytest.raises(ImageDecodeError):
        read_picture(bytes(data), LIMITS)
    length = bytearray(png_file(STORED, 8, 0, chunks=[(b"tEXt", b"a\0b")]))
    note = length.index(b"tEXt")
    length[note - 4 : note] = struct.pack(">I", 1 << 30)
    with pytest.raises(ImageDecodeError):
        read_picture(bytes(length), LIMITS)
