"""Bodies: forms and raw images in any slicing, and limits that hold while bytes stream."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.errors import ClipAdError, FieldError, ImageFormatError, ImageTooLargeError
from app.http.spool import Piece, Spools
from app.http.uploads import Form, UploadLimits, read_form

LIMITS = UploadLimits(max_bytes=100, max_images=2)
KNOWN = {"image", "category", "part_id"}
FORM = "multipart/form-data; boundary=edge"


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    extra = f'; filename="{filename}"' if filename else ""
    head = f'--edge\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def read(
    body: bytes, content_type: str | None = FORM, slices: int = 7, limits: UploadLimits = LIMITS
) -> Form:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), slices):
            yield body[start : start + slices]

    return asyncio.run(read_form(content_type, chunks(), limits, KNOWN))


@pytest.mark.parametrize("slices", [1, 5, 10_000])
def test_a_form(slices: int) -> None:
    body = (
        part("category", b"metal nut")
        + part("image", b"\x89PNG\r\n--edg\r\n", "a b.png")
        + part("image", b"second")
        + part("part_id", "Stück 1".encode())
        + part("part_id", b"2")
        + b"--edge--\r\n"
    )
    form = read(body, slices=slices)
    assert [(image.data, image.filename) for image in form.images] == [
        (b"\x89PNG\r\n--edg\r\n", "a b.png"),
        (b"second", None),
    ]
    assert form.fields == {"category": ["metal nut"], "part_id": ["Stück 1", "2"]}


@pytest.mark.parametrize(
    "content_type",
    [None, "", "image/png", "application/octet-stream", "application/x-www-form-urlencoded", "??"],
)
def test_whatever_is_neither_form_nor_json_is_the_image(content_type: str | None) -> None:
    form = read(b"=&\x00 bytes", content_type)
    assert [image.data for image in form.images] == [b"=&\x00 bytes"]
    assert form.fields == {}


def test_an_empty_body_has_no_image() -> None:
    assert read(b"", "image/png").images == []


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/vnd.x+json; a=b", "application/x-ndjson"]
)
def test_json_is_refused(content_type: str) -> None:
    with pytest.raises(ImageFormatError, match="expected multipart/form-data or the bytes"):
        read(b"{}", content_type)


@pytest.mark.parametrize("content_type", [FORM, "image/png"])
def test_exactly_the_limit_passes_and_one_more_does_not(content_type: str) -> None:
    for size, too_large in ((100, False), (101, True)):
        content = b"x" * size
        body = part("image", content) + b"--edge--\r\n" if content_type == FORM else content
        (image,) = read(body, content_type).images
        assert (image.error is not None) is too_large
        assert image.data == (b"" if too_large else content)


def test_a_large_image_leaves_its_neighbour() -> None:
    large, small = read(part("image", b"x" * 500) + part("image", b"ok") + b"--edge--").images
    assert isinstance(large.error, ImageTooLargeError)
    assert (small.data, small.error) == (b"ok", None)


@pytest.mark.parametrize("slices", [1, 7, 10_000])
@pytest.mark.parametrize("content_type", [FORM, "image/png"])
def test_a_spooled_body_is_read_as_any_other(
    content_type: str, slices: int, tmp_path: Path
) -> None:
    form = part("image", b"first") + part("other", b"field") + part("image", b"x" * 500)
    form += part("image", b"") + part("image", b"last", "a.png") + b"--edge--"
    body = form if content_type == FORM else b"raw \r\n--edge"
    limits = UploadLimits(max_bytes=100, max_images=4)
    expected = read(body, content_type, slices, limits)
    arrived = []

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), slices):
            yield body[start : start + slices]

    async def scene() -> None:
        async with Spools(tmp_path).open() as spool:
            form = await read_form(
                content_type, chunks(), limits, KNOWN, spool, lambda: arrived.append(spool.size)
            )
            assert form.fields == expected.fields
            for found, other in zip(form.images, expected.images, strict=True):
                assert isinstance(found.content, Piece) == (other.error is None)
                assert (found.data, found.filename) == (other.data, other.filename)
                assert str(found.error) == str(other.error)

    asyncio.run(scene())
    assert len(arrived) == (4 if content_type == FORM else 0)


@pytest.mark.parametrize("content_type", [FORM, "image/png"])
def test_an_endless_body_is_not_read_to_its_end(content_type: str) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield part("image", b"")[:-2] if content_type == FORM else b"x"
        while True:
            taken += 1000
            assert taken < 10 * LIMITS.max_body
            yield b"x" * 1000

    try:
        form = asyncio.run(read_form(content_type, endless(), LIMITS, KNOWN))
        error = form.images[0].error
    except ImageTooLargeError as raised:
        error = raised
    assert "expected at most" in str(error)


@pytest.mark.parametrize("content", [b"x" * 5000, b"\x89PNG\xff"])
def test_a_file_in_another_field_is_told_where_it_belongs(content: bytes) -> None:
    with pytest.raises(
        FieldError, match=r"^category: holds a file; expected the image in the field 'i"
    ):
        read(part("category", content, "a.png") + b"--edge--\r\n")


@pytest.mark.parametrize("content", [b"x", b"x" * 5000, b"\x89PNG\xff"])
def test_of_a_field_that_was_not_asked_for_the_name_alone_is_kept(content: bytes) -> None:
    body = part("file", content, "a.png") + part("colour", content) + part("image", b"x")
    form = read(body + b"--edge--\r\n")
    assert form.unknown == {"file": True, "colour": False}
    assert (form.fields, len(form.images)) == ({}, 1)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (part("image", b"x"), FieldError, "ends early"),
        (b"no form at all", FieldError, "malformed"),
        (b"--edge\r\nX: y\r\n\r\nx\r\n--edge--\r\n", FieldError, "with a name"),
        (part("category", b"x" * 5000) + b"--edge--", FieldError, "category: more than 4096"),
        (part("category", b"\xff\xfe") + b"--edge--", FieldError, "category: is not UTF-8"),
        (part("image", b"x") * 3 + b"--edge--", FieldError, "expected at most 2"),
        (part("other", b"x") * 1025 + b"--edge--", FieldError, "more than 1024 fields"),
    ],
)
def test_malformed_forms(body: bytes, kind: type[ClipAdError], words: str) -> None:
    with pytest.raises(kind, match=words):
        read(body)


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", f"multipart/form-data; boundary={'x' * 300}"]
)
def test_a_form_needs_a_sane_boundary(content_type: str) -> None:
    with pytest.raises(FieldError, match=r"boundary|Boundary"):
        read(b"--\r\n", content_type)


def test_images_are_no_fields() -> None:
    body = part("image", b"x") * 1030 + part("part_id", b"x") * 1024 + b"--edge--"
    form = read(body, slices=10_000, limits=UploadLimits(max_bytes=100, max_images=1030))
    assert (len(form.images), len(form.fields["part_id"])) == (1030, 1024)
