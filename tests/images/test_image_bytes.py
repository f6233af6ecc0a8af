"""Whatever the bytes of an image file are: a picture within the limits, or a refusal by its name.

The strategies are in `tests.images.image_bytes`; each property is asked a few times in
every run, and thousands of times by night.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, TiffImagePlugin, WebPImagePlugin

from app.errors import (
    ImageDecodeError,
    ImageFormatError,
    ImageTooLargeError,
    NothingVisibleError,
)
from app.http.problems import status_of
from app.images.formats import NAMES
from app.images.reading import ImageLimits, Picture, decode_image, read_picture
from tests.images.image_bytes import (
    BOMBS,
    TruePicture,
    bmp_file,
    damaged,
    file_of,
    lying_headers,
    mutated,
    png_file,
    tiff_file,
    true_pictures,
)

LIMITS = ImageLimits(max_bytes=1_000_000, max_pixels=100_000)
SERVICE = ImageLimits(20 * 1024 * 1024, 50_000_000)
NOISE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (12, 9, 3), dtype=np.uint8))

every_format = pytest.mark.parametrize("kind", NAMES)


def often(examples: int = settings.default.max_examples) -> Callable[[Any], Any]:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


def judge(data: bytes, limits: ImageLimits = LIMITS) -> Picture | None:
    """The picture, sound in every way, or None for a refusal. Fails for all else, warnings too."""
    try:
        found = read_picture(data, limits)
    except (
        ImageDecodeError, ImageFormatError, ImageTooLargeError, NothingVisibleError
    ) as refused:  # fmt: skip
        right = status_of(refused) in (400, 413, 415, 422) and 10 < len(str(refused)) < 400
        return None if right else pytest.fail(f"a refusal that says nothing: {refused}")
    assert found.format in NAMES
    width, height = found.image.size
    assert 0 < width * height <= limits.max_pixels
    assert found.image.mode == "RGB"
    assert np.asarray(found.image).shape == (height, width, 3)
    return found


def check_true(picture: TruePicture) -> None:
    if not picture.visible:
        with pytest.raises(NothingVisibleError):
            read_picture(picture.data, LIMITS)
        return
    found = judge(picture.data)
    assert found is not None
    assert (found.format, found.first_of_several) == (picture.kind, picture.several)
    shown = np.asarray(found.image, int)
    assert shown.shape == picture.pixels.shape
    assert np.abs(shown - picture.pixels).max() <= picture.tolerance
    # What was decoded once is decoded to itself.
    again = judge(file_of(found.image, "PNG"))
    assert again is not None
    np.testing.assert_array_equal(np.asarray(again.image), shown)


@every_format
@often()
@given(data=st.data())
def test_a_true_picture_shows_the_pixels_it_was_made_of(kind: str, data: st.DataObject) -> None:
    check_true(data.draw(true_pictures(kind)))


@every_format
@often()
@given(data=st.data())
def test_a_damaged_picture_is_a_picture_or_refused(kind: str, data: st.DataObject) -> None:
    judge(data.draw(damaged(kind)))


@every_format
@often()
@given(data=st.data())
def test_a_lying_header_is_a_picture_or_refused(kind: str, data: st.DataObject) -> None:
    judge(data.draw(lying_headers(kind) | lying_headers(kind).flatmap(mutated)))


@pytest.mark.nightly
@every_format
@often(2000)
@given(data=st.data())
def test_thousands_of_true_pictures(kind: str, data: st.DataObject) -> None:
    check_true(data.draw(true_pictures(kind)))


@pytest.mark.nightly
@every_format
@often(6000)
@given(data=st.data())
def test_thousands_of_damaged_and_lying_files(kind: str, data: st.DataObject) -> None:
    judge(data.draw(damaged(kind) | lying_headers(kind)))


@often()
@given(st.binary(max_size=300))
def test_bytes_without_a_meaning_are_refused(data: bytes) -> None:
    assert judge(data) is None


@pytest.fixture
def nothing_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail as soon as pixels would be decoded, or memory be taken for them."""

    def decode(*_: object, **__: object) -> None:
        pytest.fail("a picture over the limit is decoded")

    for owner, name in (
        (ImageFile.ImageFile, "load"),
        (TiffImagePlugin.TiffImageFile, "load"),
        (WebPImagePlugin.WebPImageFile, "load"),
        (WebPImagePlugin._webp, "WebPAnimDecoder"),
        (Image.core, "new"),
    ):
        monkeypatch.setattr(owner, name, decode)


LARGE = {
    "PNG": png_file(np.zeros((401, 250, 1), int), 8, 0),
    "JPEG": file_of(Image.new("RGB", (401, 250)), "JPEG"),
    "BMP": bmp_file(401, -250, bytes(404 * 250 * 3)),
    "TIFF": tiff_file(np.zeros((401, 250, 1), np.uint8), end=">"),
    "TIFF, turned": tiff_file(np.zeros((401, 250, 1), np.uint8), orientation=6),
    "WEBP": file_of(Image.new("RGB", (401, 250)), "WEBP"),
    "WEBP, lossless": file_of(Image.new("RGB", (401, 250)), "WEBP", lossless=True),
    "WEBP, with Exif data": file_of(Image.new("RGB", (401, 250)), "WEBP", exif=Image.Exif()),
    "WEBP, moving": file_of(
        Image.new("RGB", (401, 250)),
        "WEBP",
        save_all=True,
        append_images=[NOISE.resize((401, 250))],
    ),
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.usefixtures("nothing_decodes")
def test_the_size_is_judged_before_anything_is_decoded(name: str) -> None:
    with pytest.raises(ImageTooLargeError, match="= 100250 pixels: expected at most 100000"):
        read_picture(LARGE[name], LIMITS)


@pytest.mark.usefixtures("nothing_decodes")
@pytest.mark.parametrize("size", [(1_000_001, 1), (1, 1_000_001)])
def test_a_side_is_judged_too(size: tuple[int, int]) -> None:
    data = bmp_file(*size, b"")
    with pytest.raises(ImageTooLargeError, match="expected at most 1000000 on a side"):
        read_picture(data, SERVICE)


def _small_files() -> dict[str, bytes]:
    return {
        "PNG": file_of(NOISE, "PNG"),
        "PNG, interlaced": png_file(np.asarray(NOISE), 8, 2, interlaced=True),
        "JPEG": file_of(NOISE, "JPEG"),
        "JPEG, progressive": file_of(NOISE, "JPEG", progressive=True),
        "BMP": file_of(NOISE, "BMP"),
        "TIFF": file_of(NOISE, "TIFF"),
        "TIFF, packed": file_of(NOISE, "TIFF", compression="tiff_lzw"),
        "WEBP": file_of(NOISE, "WEBP"),
        "WEBP, lossless": file_of(NOISE, "WEBP", lossless=True),
    }


@pytest.mark.parametrize("name", _small_files())
def test_cut_anywhere_a_file_is_refused_unless_all_pixels_are_there(name: str) -> None:
    data = _small_files()[name]
    whole = np.asarray(decode_image(data, LIMITS))
    complete = [cut for cut in range(len(data)) if judge(data[:cut]) is not None]
    for cut in complete:
        np.testing.assert_array_equal(np.asarray(decode_image(data[:cut], LIMITS)), whole)
    # What may be missing: the last checksum of a PNG, the mark at a JPEG's end, what fills up a
    # BMP's last row, what a TIFF says of the picture's size on paper.
    end = len(data)
    least = {"PNG": end - 4, "JPEG": end - 2, "BMP": end - 3, "TIFF": end * 0.8}
    assert all(cut >= least.get(name.split(",")[0], end) for cut in complete)


@pytest.mark.parametrize(
    ("depth", "colour", "stored", "clear"),
    [(2, 0, [[1], [2]], [1]), (4, 0, [[7], [8]], [7]), (16, 0, [[0x1234], [0x1235]], [0x1234])],
)
def test_the_transparent_grey_of_any_depth_shows_white(
    depth: int, colour: int, stored: list[list[int]], clear: list[int]
) -> None:
    chunk = (b"tRNS", b"".join(value.to_bytes(2, "big") for value in clear))
    image = decode_image(png_file(np.array([stored]), depth, colour, chunks=[chunk]), LIMITS)
    other = stored[1][0] >> 8 if depth == 16 else stored[1][0] * 255 // ((1 << depth) - 1)
    assert [image.getpixel((x, 0)) for x in range(2)] == [(255,) * 3, (other,) * 3]


def test_the_transparent_colour_of_sixteen_bits_shows_white() -> None:
    stored = np.array([[[0x1234] * 3, [0x2234] * 3]])
    data = png_file(stored, 16, 2, chunks=[(b"tRNS", b"\x12\x34" * 3)])
    image = decode_image(data, LIMITS)
    assert [image.getpixel((x, 0)) for x in range(2)] == [(255,) * 3, (0x22,) * 3]


def test_the_rotation_may_stand_in_xmp() -> None:
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'
    stored = np.arange(6).reshape(3, 2, 1) * 40
    image = decode_image(png_file(stored, 8, 0, chunks=[(b"iTXt", xmp)]), LIMITS)
    np.testing.assert_array_equal(np.asarray(image)[..., 0], np.rot90(stored[..., 0], -1))


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_judged_rightly(name: str) -> None:
    make, right = BOMBS[name]
    try:
        read_picture(make(), ImageLimits(50 * 1024 * 1024, 50_000_000))
        status = 200
    except Exception as refused:
        status = status_of(refused)
    assert status == right


# A child's ru_maxrss begins with what its parent had. VmHWM is its own, and may be set back.
_MEASURE = """
import json, sys, time
from pathlib import Path
from app.errors import InputError
from app.images.reading import ImageLimits, read_picture

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

def judge(data):
    try:
        read_picture(data, ImageLimits(50 * 1024 * 1024, 50_000_000))
    except InputError:
        pass

data = Path(sys.argv[1]).read_bytes()
Path("/proc/self/clear_refs").write_text("5")
before, begin = peak(), time.process_time()
%s
print(json.dumps([time.process_time() - begin, peak() - before]))
"""
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")


def measured(work: str, file: Path) -> tuple[float, int]:
    """Seconds and KiB that a process of its own takes for a line of code about `data`, the file."""
    command = [sys.executable, "-c", _MEASURE % work, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    seconds, kibibytes = json.loads(done.stdout)
    return seconds, kibibytes


@needs_proc
@pytest.mark.nightly
def test_the_memory_a_child_takes_is_seen_whatever_its_parent_had(tmp_path: Path) -> None:
    file = tmp_path / "any"
    file.write_bytes(b"any")
    held = bytearray(b"1") * (700 << 20)
    little = measured("judge(data)", file)[1]
    much = measured("bytearray(b'1') * (500 << 20)", file)[1]
    del held
    assert little < 50 << 10
    assert 490 << 10 < much < 550 << 10


@needs_proc
@pytest.mark.nightly
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_little_time_and_memory(name: str, tmp_path: Path) -> None:
    file = tmp_path / "bomb"
    file.write_bytes(BOMBS[name][0]())
    seconds, kibibytes = measured("judge(data)", file)
    assert seconds < 5
    assert kibibytes < 400 * 1024
