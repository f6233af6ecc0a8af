"""Decoding: every allowed format and mode, and everything that must be refused, by what."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.errors import ImageDecodeError, ImageFormatError, ImageTooLargeError, InputError
from app.images.formats import sniff_format
from app.images.reading import ImageLimits, decode_image, read_picture
from app.images.tensors import fit_within, to_tensor
from tests.parity import FOLDER, expected
from tests.pictures import PNG, file_of, gradient

LIMITS = ImageLimits(max_bytes=1_000_000, max_pixels=100_000)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def decode(data: bytes) -> Image.Image:
    return decode_image(data, LIMITS)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_give_their_pixels_back(kind: str, options: dict[str, object]) -> None:
    image = decode(file_of(gradient(), kind, **options))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), np.asarray(gradient()))


def test_jpeg_is_nearly_the_same() -> None:
    image = decode(file_of(gradient(), "JPEG", quality=95, subsampling=0))
    difference = np.abs(np.asarray(image, int) - np.asarray(gradient(), int))
    assert difference.max() < 12


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA"])
def test_modes_become_rgb_as_they_look(mode: str) -> None:
    source = gradient().convert("RGBA").convert(mode)
    image = decode(file_of(source))
    np.testing.assert_array_equal(np.asarray(image), np.asarray(source.convert("RGB")))


def test_cmyk_becomes_rgb() -> None:
    source = gradient().convert("CMYK")
    image = decode(file_of(source, "TIFF"))
    np.testing.assert_array_equal(np.asarray(image), np.asarray(source.convert("RGB")))


def test_sixteen_bits_keep_their_upper_eight() -> None:
    values = np.arange(40 * 24, dtype=np.uint16).reshape(24, 40) * 68
    image = decode(file_of(Image.fromarray(values)))
    expected = (values >> 8).astype(np.uint8)
    assert expected.max() > 250
    for channel in range(3):
        np.testing.assert_array_equal(np.asarray(image)[..., channel], expected)


def test_big_endian_sixteen_bit_tiff() -> None:
    values = np.full((4, 6), 0x80FF, dtype=np.uint16)
    image = decode(file_of(Image.fromarray(values.astype(">u2")), "TIFF"))
    assert np.unique(np.asarray(image)).tolist() == [0x80]


def test_thirty_two_bit_integers_have_no_defined_range() -> None:
    with pytest.raises(ImageFormatError, match=r"32-bit signed integers.* of 8 or 16 bits"):
        decode(file_of(Image.fromarray(np.full((4, 4), 7, np.int32)), "TIFF"))


def test_floats_are_taken_as_black_to_white() -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    image = np.asarray(decode(file_of(Image.fromarray(values), "TIFF")))
    for channel in range(3):
        np.testing.assert_array_equal(image[..., channel].ravel(), np.arange(256))


@pytest.mark.parametrize("odd", [-0.01, 1.01, 255.0, np.nan, np.inf, -np.inf])
def test_floats_beyond_that_are_refused_with_their_values(odd: float) -> None:
    values = np.full((4, 4), 0.5, np.float32)
    values[1, 2] = odd
    with pytest.raises(ImageFormatError, match=r"from .+ to .+: expected floats from 0 to 1"):
        decode(file_of(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
def test_of_several_frames_the_first_counts_and_it_is_said(kind: str) -> None:
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {}
    others = [Image.new("RGB", (40, 24), colour) for colour in ("red", "blue")]
    several = file_of(gradient(), kind, save_all=True, append_images=others, **options)
    found = read_picture(several, LIMITS)
    assert (found.format, found.first_of_several) == (kind, True)
    np.testing.assert_array_equal(np.asarray(found.image), np.asarray(gradient()))
    assert not read_picture(file_of(gradient(), kind), LIMITS).first_of_several


def test_adam7_and_progressive_files_give_the_same_pixels() -> None:
    plain = np.asarray(decode(file_of(gradient(), "JPEG", quality=90)))
    np.testing.assert_array_equal(
        np.asarray(decode(file_of(gradient(), "JPEG", quality=90, progressive=True))), plain
    )
    found = decode(interlaced_png(np.asarray(gradient())))
    np.testing.assert_array_equal(np.asarray(found), np.asarray(gradient()))


def interlaced_png(pixels: np.ndarray) -> bytes:
    """An RGB image [H,W,3] as a PNG file of seven passes (Adam7); Pillow writes none."""
    rows = b""
    for x, y, right, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):  # fmt: skip
        for row in pixels[y::down, x::right]:
            rows += b"\0" + row.tobytes() if row.size else b""
    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 2)])
def test_extreme_shapes_are_pictures_too(size: tuple[int, int]) -> None:
    image = decode(file_of(Image.new("RGB", size, (9, 8, 7))))
    assert image.size == size
    tensor = to_tensor(image, 16, (0, 0, 0), (1, 1, 1))
    assert tensor.shape == (3, 16, 16)
    assert tensor.amax(dim=(1, 2)).mul(255).round().tolist() == [9, 8, 7]


def test_transparent_parts_show_white() -> None:
    layered = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    layered.putpixel((1, 1), (10, 20, 30, 255))
    image = decode(file_of(layered))
    assert image.getpixel((0, 0)) == (255, 255, 255)
    assert image.getpixel((1, 1)) == (10, 20, 30)


def test_palette_transparency_shows_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((2, 2), 0)
    decoded = decode(file_of(image, transparency=0))
    assert decoded.getpixel((2, 2)) == (255, 255, 255)
    assert decoded.getpixel((0, 0)) == (200, 0, 0)


def test_the_transparent_colour_of_an_rgb_picture_shows_white() -> None:
    image = Image.new("RGB", (4, 4), (10, 20, 30))
    image.putpixel((1, 1), (10, 20, 31))
    decoded = decode(file_of(image, transparency=(10, 20, 30)))
    assert decoded.mode == "RGB"
    assert decoded.getpixel((0, 0)) == (255, 255, 255)
    assert decoded.getpixel((1, 1)) == (10, 20, 31)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_exif_rotation_is_applied(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    image = decode(file_of(gradient(40, 24), kind, exif=exif))
    assert image.size == (24, 40)
    upright = np.asarray(gradient(40, 24).transpose(Image.Transpose.ROTATE_270), int)
    assert np.abs(np.asarray(image, int) - upright).mean() < 12


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_exif_rotation_is_applied_beside_other_directories(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    exif.get_ifd(0x8769)[0x9003] = "2024:01:01 00:00:00"
    exif.get_ifd(0x8825)[0x001D] = "2024:01:01"
    exif[0x8769] = exif[0x8825] = 0  # Pillow puts in where they lie
    data = file_of(gradient(40, 24), kind, exif=exif)
    with Image.open(io.BytesIO(data)) as written:
        assert {0x8769, 0x8825} <= set(written.getexif())
    assert decode(data).size == (24, 40)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.15, 0.5, 0.9])
def test_truncated_files_do_not_decode(kind: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = file_of(Image.fromarray(noise), kind)
    with pytest.raises(ImageDecodeError, match=f"{kind} image of"):
        decode(data[: int(len(data) * share)])


def test_a_flipped_bit_in_a_png_is_seen() -> None:
    data = bytearray(PNG)
    data[len(data) // 2] ^= 1
    with pytest.raises(ImageDecodeError):
        decode(bytes(data))


@pytest.mark.parametrize(
    "data",
    [b"", b"BM is how this text begins", b"hello", b"%PDF-1.7", b"RIFF\0\0\0\0WAVEfmt "],
)
def test_other_content_is_refused_by_its_format(data: bytes) -> None:
    with pytest.raises(ImageFormatError, match="expected one of PNG, JPEG, BMP, TIFF, WEBP"):
        decode(data)


def test_a_large_tiff_of_the_other_byte_order_is_named() -> None:
    with pytest.raises(ImageFormatError, match="BigTIFF of big-endian byte order is not in an"):
        decode(b"MM\0+\0\x08\0\0" + bytes(40))


def test_a_format_pillow_knows_but_nobody_allowed() -> None:
    with pytest.raises(ImageFormatError):
        decode(file_of(gradient(), "GIF"))


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(401, 250), (60_000, 60_000)])
def test_the_header_alone_tells_that_there_are_too_many_pixels(width: int, height: int) -> None:
    with pytest.raises(ImageTooLargeError, match="expected at most 100000"):
        decode(png_header(width, height))


@pytest.mark.parametrize(("width", "words"), [(17_000, "does not decode"), (18_000, "x 10000 =")])
def test_pillow_s_own_limit_has_no_say(width: int, words: str) -> None:
    allowed = ImageLimits(max_bytes=1000, max_pixels=178_956_970)
    with pytest.raises(InputError, match=words) as refused:
        decode_image(png_header(width, 10_000), allowed)
    assert "bomb" not in str(refused.value)  # what Pillow's warning would say


def test_exactly_the_allowed_pixels_pass() -> None:
    assert decode(file_of(Image.new("RGB", (400, 250)))).size == (400, 250)


def test_too_many_bytes() -> None:
    with pytest.raises(ImageTooLargeError, match="expected at most 10"):
        decode_image(PNG, ImageLimits(max_bytes=10, max_pixels=1))


@given(st.binary(max_size=200), st.sampled_from([b"", PNG[:60], b"II*\x00", b"\xff\xd8\xff"]))
def test_no_content_raises_anything_but_an_input_error(tail: bytes, head: bytes) -> None:
    try:
        decode(head + tail)
    except InputError:
        return
    assert sniff_format(head + tail)


def test_preprocessing_equals_the_reference() -> None:
    for number, wanted in enumerate(expected("tiny-vit")["pixels"]):
        image = decode((FOLDER / "tiny-vit" / f"image_{number}.png").read_bytes())
        pixels = to_tensor(image, 96, CLIP_MEAN, CLIP_STD)
        assert pixels.dtype == torch.float32
        torch.testing.assert_close(pixels, wanted, rtol=0, atol=1e-6)


def test_the_border_is_kept_and_the_aspect_ratio_is_not() -> None:
    image = Image.new("RGB", (80, 20))
    image.paste((255, 255, 255), (76, 0, 80, 20))
    pixels = to_tensor(image, 20, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert pixels.shape == (3, 20, 20)
    assert pixels[:, :, -1].min() > 0.9


@pytest.mark.parametrize(
    ("size", "expected"),
    [((40, 24), (40, 24)), ((200, 100), (100, 50)), ((30, 300), (10, 100)), ((9999, 1), (100, 1))],
)
def test_fit_within(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit_within(size, 100) == expected


@pytest.mark.parametrize("data", [b"II*\x00" + b"\xff" * 40, PNG[:16] + bytes(4) + PNG[20:]])
def test_a_refusal_names_nothing_of_this_process(data: bytes) -> None:
    with pytest.raises(ImageDecodeError) as refused:
        read_picture(data, LIMITS)
    assert " at 0x" not in str(refused.value)
