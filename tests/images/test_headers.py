"""Files of far too many parts are refused unread; what cameras and programs write is not."""

import contextlib
import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, JpegImagePlugin, TiffImagePlugin, TiffTags

from app.errors import ImageDecodeError
from app.images.headers import jpeg, limits, tiff
from app.images.reading import ImageLimits, decode_image
from tests.images.image_bytes import (
    exif_of,
    file_of,
    jpeg_hiding,
    jpeg_with_scans,
    png_file,
    tiff_beside,
    tiff_file,
    tiff_of,
    tiff_pictures,
    tiff_with_tags,
)
from tests.pictures import gradient

LIMITS = ImageLimits(max_bytes=10_000_000, max_pixels=100_000)
NOISE = np.random.default_rng(7).bytes(400_000)


@pytest.mark.parametrize("where", [273, 324])
def test_a_tiff_without_its_last_strips_is_refused(where: int) -> None:
    tags = {256: [16], 257: [48], 258: [8], 259: [1], 262: [1], 277: [1]}
    tags |= {278: [16], 279: [256] * 3} if where == 273 else {322: [16], 323: [16], 325: [256] * 3}
    whole = tiff_of(tags, [bytes([200]) * 256] * 3, where=where)
    assert np.unique(np.asarray(decode_image(whole, LIMITS))).tolist() == [200]
    with pytest.raises(ImageDecodeError, match="2 strips or tiles: expected 3 for 16 x 48"):
        decode_image(tiff_of(tags, [bytes([200]) * 256] * 2, where=where), LIMITS)


@pytest.mark.parametrize("scans", [1, 12, 100])
def test_progressive_files_of_many_scans_are_pictures(scans: int) -> None:
    assert decode_image(jpeg_with_scans(64, 40, scans), LIMITS).size == (64, 40)


def test_a_jpeg_may_restart_after_every_block_and_be_followed_by_another() -> None:
    picture = gradient(320, 200)
    data = file_of(picture, "JPEG", restart_marker_blocks=1)
    assert data.count(b"\xff\xd0") > 30
    exif = b"Exif\0\0" + exif_of(8000)
    several = data + file_of(picture, "JPEG", progressive=True, exif=exif) * 20
    assert decode_image(several, LIMITS).size == (320, 200)


def test_usual_notes_are_no_reason_to_refuse() -> None:
    words = [(b"tEXt", f"dcm:{number}\0value".encode()) for number in range(2000)]
    private = [(b"mkBT", bytes(900))] * 2000  # as an editor keeps its layers
    packed = [(b"zTXt", b"a\0\0" + b"x\x9c\x03\0\0\0\0\x01")] * 250
    for chunks in (words, private, packed, [(b"eXIf", exif_of(100_000))]):
        data = png_file(np.zeros((4, 2, 1), int), 8, 0, chunks=chunks)
        assert sorted(decode_image(data, LIMITS).size) == [2, 4]


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt", b"iTXt", b"eXIf"])
def test_more_notes_that_unpack_are_too_many(kind: bytes) -> None:
    data = png_file(np.zeros((4, 2, 1), int), 8, 0, chunks=[(kind, b"a\0\0\0\0\0")] * 257)
    with pytest.raises(ImageDecodeError, match="too many packed notes: expected at most 256"):
        decode_image(data, LIMITS)


def test_one_scan_more_is_too_many() -> None:
    with pytest.raises(ImageDecodeError, match="too many scans: expected at most 100"):
        decode_image(jpeg_with_scans(64, 40, 101), LIMITS)


def test_a_second_frame_is_too_many() -> None:
    data = file_of(gradient(), "JPEG")
    at = data.index(b"\xff\xc0")
    with pytest.raises(ImageDecodeError, match="too many frames: expected at most 1"):
        decode_image(data[:at] + data[at : at + 19] + data[at:], LIMITS)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_too_much_exif_data_is_refused(kind: str) -> None:
    exif = b"Exif\0\0" + exif_of(200_000)
    if kind == "JPEG":
        pieces = [exif[at : at + 60_000] for at in range(6, len(exif), 60_000)]
        data = jpeg_with_exif([(len(piece) + 8, piece) for piece in pieces])
    else:
        data = file_of(gradient(), kind, exif=exif)
    with pytest.raises(ImageDecodeError, match="bytes of Exif data: expected at most 1048576"):
        decode_image(data, LIMITS)


def jpeg_with_exif(pieces: list[tuple[int, bytes]]) -> bytes:
    """A JPEG with Exif segments of these lengths, as they declare them, and contents."""
    data = file_of(gradient(), "JPEG")
    segments = [b"\xff\xe1" + struct.pack(">H", length) + b"Exif\0\0" + p for length, p in pieces]
    return data[:2] + b"".join(segments) + data[2:]


def test_exif_segments_without_a_length_do_not_make_up_for_others() -> None:
    full = [(0xFFFF, exif_of(10, 1).ljust(0xFFFF - 8, b"\0"))] * 16
    rest = limits.MOST_EXIF_BYTES - 16 * (0xFFFF - 8)
    for empty in (0, 200):
        none = [(0, b"")] * empty
        data = jpeg_with_exif([*none, *full, (rest + 2, bytes(rest - 6))])
        assert decode_image(data, LIMITS).size == gradient().size
        data = jpeg_with_exif([*none, *full, (rest + 9, bytes(rest + 1))])
        with pytest.raises(ImageDecodeError, match="1048577 bytes of Exif data"):
            decode_image(data, LIMITS)


BARE = {marker & 0xFF for marker, (_, _, read) in JpegImagePlugin.MARKER.items() if read is None}
RESTARTS = set(range(0xD0, 0xD8))


def test_markers_without_a_length_are_those_that_pillow_reads_nothing_of() -> None:
    # Of 1 it says that it is no marker, and stops.
    assert BARE - RESTARTS | {1} == jpeg.BARE


@pytest.mark.parametrize("marker", sorted(BARE - RESTARTS))
def test_nothing_hides_behind_a_marker_without_a_length(marker: int) -> None:
    data = jpeg_hiding(marker, b"\xff\xe5\0\x02", 2)
    with pytest.raises(ImageDecodeError, match="too many segments: expected at most 1000"):
        decode_image(data, LIMITS)


@pytest.mark.parametrize("marker", sorted(BARE - RESTARTS))
def test_pieces_of_exif_data_are_found_even_where_a_segment_would_hide_them(
    marker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jpeg, "BARE", frozenset())  # as though Pillow had changed
    data = jpeg_hiding(marker, b"\xff\xe1\0\x09Exif\0\0\0", 2)
    with pytest.raises(ImageDecodeError, match="too many pieces of Exif data: expected at most 25"):
        decode_image(data, LIMITS)


marker_soup = st.lists(
    st.one_of(
        st.sampled_from((b"\xff", b"\xff\xff", b"\xff\0", b"\0", b"\xff\x01", b"\xff\xc0")),
        st.integers(0xC0, 0xFF).map(lambda marker: bytes([0xFF, marker])),
        st.integers(0, 5).map(lambda length: struct.pack(">H", length)),
        st.tuples(st.integers(0xC0, 0xFE), st.integers(0, 12)).map(
            lambda part: b"\xff" + struct.pack(">BH", *part) + bytes(max(0, part[1] - 2))
        ),
        st.binary(max_size=6),
    ),
    max_size=20,
).map(b"".join)


@settings(max_examples=1000, deadline=None)
@given(marker_soup)
def test_every_segment_that_pillow_reads_is_seen(soup: bytes) -> None:
    data = b"\xff\xd8\xff" + soup
    read: list[tuple[int, int]] = []

    def note(image: Any, marker: int) -> None:
        read.append((marker & 0xFF, image.fp.tell()))
        JpegImagePlugin.Skip(image, marker)

    markers = {
        marker: (name, words, note if handler else None)
        for marker, (name, words, handler) in JpegImagePlugin.MARKER.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JpegImagePlugin, "MARKER", markers)
        # There may be no size, no marker, or not all of a segment.
        with contextlib.suppress(SyntaxError, OSError, struct.error):
            JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    seen = [(marker, at) for marker, at, _ in jpeg.segments(data) if marker not in BARE | {1}]
    assert seen[: len(read)] == read


@pytest.mark.parametrize("tag", [34665, 34853, 40965])
@pytest.mark.parametrize("place", [0, 1, 26, 1000, 10_000_000, 2**32 - 1])
@pytest.mark.parametrize("packed", [False, True])
def test_a_tiff_may_name_a_directory_where_none_is(tag: int, place: int, packed: bool) -> None:
    data = tiff_with_tags([(tag, 4, 1, place)], NOISE, packed)
    assert np.unique(np.asarray(decode_image(data, LIMITS))).tolist() == [9]


@pytest.mark.parametrize("tag", [34665, 34853, 40965])
def test_directories_beside_a_tiff_s_page_are_not_read(
    tag: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiff_beside(tag, struct.pack("<HHHIII", 1, 40000, 4, 1, 7, 0))
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert dict(image.getexif().get_ifd(tag)) == ({40000: 7} if tag != 40965 else {})
    assert set(TiffTags.TAGS_V2_GROUPS) <= {int(each) for each in ExifTags.IFD}

    def read(*_: object) -> None:
        pytest.fail("a directory beside the page is read")

    monkeypatch.setattr(Image.Exif, "_get_ifd_dict", read)
    assert decode_image(data, LIMITS).size == (1, 1)


def test_a_long_colour_profile_and_xmp_are_no_reason_to_refuse() -> None:
    for kind in (1, 7):
        tags = [(tag, kind, 1_000_000, 1_000_000 * at) for at, tag in enumerate((700, 34675))]
        assert decode_image(tiff_with_tags(tags, bytes(2_000_000), packed=True), LIMITS).size


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("kind", "count", "held"),
    [
        (0, 2**32 - 1, 0),  # of no type
        (99, 1_000_000, 0),
        (4, 2**30, 0),  # not in the file
        (7, 2**31, 0),
        (3, 640 * 480, 2 * 640 * 480),  # what a thermal camera keeps beside its picture
        (11, 640 * 480, 4 * 640 * 480),
        (12, 640 * 480, 8 * 640 * 480),
    ],
)
def test_private_tags_are_no_reason_to_refuse(
    kind: int, count: int, held: int, packed: bool
) -> None:
    data = tiff_with_tags([(65_000, kind, count, 0)], bytes(held), packed)
    assert np.unique(np.asarray(decode_image(data, LIMITS))).tolist() == [9]


@pytest.mark.parametrize("kind", [1, 2, 3, 6, 12])
@pytest.mark.parametrize("tag", [273, 282, 324, 338])
def test_more_values_than_pillow_should_unpack_are_refused(tag: int, kind: int) -> None:
    data = tiff_with_tags([(tag, kind, 300_000, 0)], bytes(2_400_000), packed=False)
    with pytest.raises(ImageDecodeError, match="too many values in its tags: expected at most 26"):
        decode_image(data, LIMITS)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [2, 3, 5, 7, 12, 17])
def test_tags_that_hold_the_same_bytes_are_refused(kind: int, packed: bool) -> None:
    size = {2: 1, 3: 2, 5: 8, 7: 1, 12: 8, 17: 8}[kind]
    tags = [(65_000 + at, kind, 80_000 // size, 0) for at in range(2)]
    one, two = (tiff_with_tags(tags[:count], bytes(80_000), packed) for count in (1, 2))
    assert decode_image(one, LIMITS).size == (16, 16)
    with pytest.raises(ImageDecodeError, match=r"TIFF image has 1\d+ bytes in its tags"):
        decode_image(two, LIMITS)


class Unpacked(set[int]):
    """The tags whose values Pillow unpacks while this is in place."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        directory = TiffImagePlugin.ImageFileDirectory_v2
        unpack = directory.__getitem__

        def note(page: Any, tag: int) -> Any:
            if tag in page:
                self.add(tag)
            return unpack(page, tag)

        patch.setattr(directory, "__getitem__", note)


@given(tiff_pictures())
def test_pillow_unpacks_no_tags_but_those_that_are_counted(picture: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        unpacked = Unpacked(patch)
        decode_image(picture.data, LIMITS)
    assert {256, 257} <= unpacked <= tiff.UNPACKED


@pytest.mark.parametrize("mode", ["P", "RGB", "CMYK", "YCbCr", "I;16"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
def test_nor_do_tags_of_all_numbers_make_it_unpack_more(
    mode: str, compression: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compression == "jpeg" and mode in ("P", "I;16"):
        pytest.skip("no JPEG is of these")
    picture = Image.new(mode, (16, 16), 9)
    numbers = {*range(254, 700), 33432, 34377, 37724, 50000} - tiff.UNPACKED
    data = file_of(
        picture,
        "TIFF",
        tiffinfo={700: b"<x/>", **({} if compression else dict.fromkeys(numbers, 1))},
        icc_profile=b"any",
        compression=compression,
        dpi=(90, 90),
    )
    unpacked = Unpacked(monkeypatch)
    decode_image(data, LIMITS)
    assert {256, 257, 282, 700, 34675} <= unpacked <= tiff.UNPACKED


def test_a_size_that_a_tiff_has_twice_is_refused() -> None:
    data = tiff_of({256: [4], 257: [4], 258: [8], 262: [1], 278: [4]}, [bytes(16)])
    at = data.index(struct.pack("<HH", 258, 4))
    with pytest.raises(ImageDecodeError, match="tag 257 twice"):
        decode_image(data[:at] + struct.pack("<HHII", 257, 4, 1, 9) + data[at + 12 :], LIMITS)


def test_a_tiff_of_numbers_that_are_elsewhere_is_read() -> None:
    for end, big in (("<", False), (">", False), ("<", True)):
        data = tiff_file(np.full((24, 9, 3), 7, np.uint8), 2, end, big, strip=5)
        assert np.unique(np.asarray(decode_image(data, LIMITS))).tolist() == [7]
