"""Files of far too many parts are refused unread; what cameras and programs write is not."""

import struct

import numpy as np
import pytest

from app.errors import ImageDecodeError
from app.images import ImageLimits, decode_image
from tests.image_bytes import (
    exif_of,
    file_of,
    jpeg_with_scans,
    png_file,
    tiff_of,
    tiff_with_nested_directory,
)
from tests.pictures import gradient

LIMITS = ImageLimits(max_bytes=10_000_000, max_pixels=100_000)


@pytest.mark.parametrize("where", [273, 324])
def test_a_tiff_without_its_last_strips_is_refused(where: int) -> None:
    tags = {256: [16], 257: [48], 258: [8], 259: [1], 262: [1], 277: [1]}
    tags |= {278: [16]} if where == 273 else {322: [16], 323: [16]}
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
    several = data + file_of(picture, "JPEG", progressive=True) * 20
    assert decode_image(several, LIMITS).size == (320, 200)


def test_usual_notes_are_no_reason_to_refuse() -> None:
    notes = [(b"tEXt", f"key {number}\0value".encode()) for number in range(100)]
    for chunks in (notes, [(b"eXIf", exif_of(100_000))]):
        data = png_file(np.zeros((4, 2, 1), int), 8, 0, chunks=chunks)
        assert sorted(decode_image(data, LIMITS).size) == [2, 4]


def test_one_scan_more_is_too_many() -> None:
    with pytest.raises(ImageDecodeError, match="too many scans: expected at most 100"):
        decode_image(jpeg_with_scans(64, 40, 101), LIMITS)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_too_much_exif_data_is_refused(kind: str) -> None:
    exif = b"Exif\0\0" + exif_of(200_000)
    if kind == "JPEG":
        data = file_of(gradient(), "JPEG")
        pieces = [exif[at : at + 60_000] for at in range(6, len(exif), 60_000)]
        segments = [b"\xff\xe1" + (len(p) + 8).to_bytes(2, "big") + b"Exif\0\0" + p for p in pieces]
        data = data[:2] + b"".join(segments) + data[2:]
    else:
        data = file_of(gradient(), kind, exif=exif)
    with pytest.raises(ImageDecodeError, match="bytes of Exif data: expected at most 1048576"):
        decode_image(data, LIMITS)


def test_directories_beside_a_tiff_s_page_are_followed() -> None:
    few, many = (tiff_with_nested_directory(count) for count in (1000, 300_000))
    assert decode_image(few, LIMITS).size == (1, 1)
    with pytest.raises(ImageDecodeError, match="too many values in its tags"):
        decode_image(many, LIMITS)


def test_a_size_that_a_tiff_has_twice_is_refused() -> None:
    data = tiff_of({256: [4], 257: [4], 258: [8], 262: [1], 278: [4]}, [bytes(16)])
    at = data.index(struct.pack("<HH", 258, 4))
    with pytest.raises(ImageDecodeError, match="tag 257 twice"):
        decode_image(data[:at] + struct.pack("<HHII", 257, 4, 1, 9) + data[at + 12 :], LIMITS)
