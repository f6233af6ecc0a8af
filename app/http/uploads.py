"""Request bodies: a multipart form or the image itself, read under limits while they stream.

No Content-Length is believed: bytes are counted as they come, and what exceeds a limit is never
kept. Images are kept in memory, or in a spool where there may be many. Knows nothing of image
formats, categories or the model.
"""

from collections.abc import AsyncIterator, Callable, Container
from dataclasses import dataclass, field
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import FieldError, ImageFormatError, ImageTooLargeError
from app.http.spool import Piece, Spool

IMAGE_FIELD = "image"
_MULTIPART = "multipart/form-data"
_JSON = "json"
_MAX_FIELD_BYTES = 4096
_MAX_FIELDS = 1024  # beside the images
_FRAMING = 1024  # headers and boundary of one part, beside its content


@dataclass(frozen=True)
class Upload:
    """One posted image: its content, or the error that took its place."""

    content: bytes | Piece
    filename: str | None = None
    error: ImageTooLargeError | None = None

    @property
    def data(self) -> bytes:
        """The image's bytes. Of a spooled one they are read from the disk: not for an event loop.

        Raises SpoolError then.
        """
        return self.content.read() if isinstance(self.content, Piece) else self.content


@dataclass(frozen=True)
class Form:
    """All images in their order, and all other fields by name (repeated ones in their order).

    unknown: names of fields that were not asked for, and whether a file came in them.
    """

    images: list[Upload] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class UploadLimits:
    """max_bytes: of one image. max_images: in one request."""

    max_bytes: int
    max_images: int

    @property
    def max_body(self) -> int:
        """Bytes of a whole request: all its images, their framing and the other fields."""
        per_image = self.max_bytes + _FRAMING + _MAX_FIELD_BYTES
        return self.max_images * per_image + 64 * _MAX_FIELD_BYTES


def nobody() -> None:
    """Is told and does nothing."""


async def read_form(
    content_type: str | None,
    chunks: AsyncIterator[bytes],
    limits: UploadLimits,
    known: Container[str],
    spool: Spool | None = None,
    arrived: Callable[[], None] = nobody,
) -> Form:
    """A request's body -> Form; whatever is neither multipart nor JSON is one raw image.

    known: the fields that are asked for; of others nothing is kept but the name. An image over the
    limit is dropped and marked, so that its neighbours survive. spool: where images are kept; None
    is memory. arrived: told at each image's end. Raises ImageTooLargeError for a body over its own
    limit, FieldError for a malformed form, ImageFormatError for JSON, SpoolError where the disk
    takes no more.
    """
    kind, boundary = _content_type(content_type)
    chunks = _settled(chunks, spool)
    if kind == _MULTIPART:
        return await _read_multipart(boundary, chunks, _Collector(limits, known, spool, arrived))
    if kind.endswith(_JSON):  # of all sorts: +json, x-ndjson
        raise ImageFormatError(
            f"content type {kind!r}: expected multipart/form-data or the bytes of an image"
        )
    part = _Part(IMAGE_FIELD, None, limits.max_bytes, spool)
    async for chunk in chunks:
        part.add(chunk)
        if part.overflow:
            break
    return Form([part.upload()] if part.size else [])


async def _settled(chunks: AsyncIterator[bytes], spool: Spool | None) -> AsyncIterator[bytes]:
    """The chunks, the next one only when the disk has what it is to have of those before."""
    async for chunk in chunks:
        yield chunk
        if spool is not None:
            await spool.settle()
    if spool is not None:
        await spool.finish()


async def _read_multipart(
    boundary: bytes, chunks: AsyncIterator[bytes], collector: "_Collector"
) -> Form:
    if not boundary:
        raise FieldError("multipart body: expected a boundary in Content-Type")
    total, limits = 0, collector.limits
    try:
        parser = MultipartParser(boundary, collector.callbacks())  # type: ignore[arg-type]
        async for chunk in chunks:
            total += len(chunk)
            if total > limits.max_body:
                raise ImageTooLargeError(
                    f"request has more than {limits.max_body} bytes: expected at most "
                    f"{limits.max_bytes} per image"
                )
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise FieldError(f"multipart body is malformed: {error}") from error
    if not collector.complete:
        raise FieldError("multipart body ends early: expected its closing boundary")
    return collector.form


class _Part:
    """One part of a form while it arrives; keeps nothing beyond its limit.

    spool: where its content is kept; None is memory.
    """

    def __init__(
        self, name: str, filename: str | None, limit: int, spool: Spool | None = None
    ) -> None:
        self.name = name
        self.filename = filename
        self.size = 0
        self._limit = limit
        self._data = bytearray()
        self._spool = spool
        self._start = 0 if spool is None else spool.size

    @property
    def overflow(self) -> bool:
        return self.size > self._limit

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if self.overflow:
            self._data.clear()
        elif self._spool is not None:
            self._spool.add(data)
        else:
            self._data += data

    def upload(self) -> Upload:
        if self.overflow:
            error = ImageTooLargeError(
                f"image has more than {self._limit} bytes: expected at most {self._limit}"
            )
            return Upload(b"", self.filename, error)
        if self._spool is not None:
            return Upload(self._spool.since(self._start), self.filename)
        return Upload(bytes(self._data), self.filename)

    def text(self) -> str:
        """What a field that is no image says; raises FieldError for anything but short UTF-8."""
        problem = f"more than {self._limit} bytes long"
        if not self.overflow:
            try:
                return self._data.decode("utf-8")
            except UnicodeDecodeError:
                problem = "is not UTF-8 text"
        if self.filename is not None:
            problem = f"holds a file; expected the image in the field {IMAGE_FIELD!r}"
        raise FieldError(f"{self.name}: {problem}")


class _Collector:
    """python-multipart's callbacks -> Form. Arguments as `read_form` has them."""

    def __init__(
        self,
        limits: UploadLimits,
        known: Container[str],
        spool: Spool | None,
        arrived: Callable[[], None],
    ) -> None:
        self.form = Form()
        self.complete = False
        self.limits = limits
        self._known = known
        self._spool = spool
        self._arrived = arrived
        self._count = 0
        self._header = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._part = _Part("", None, 0)

    def callbacks(self) -> dict[str, object]:
        """By the names that python-multipart's parser calls them."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, a, b: self._header[0].extend(data[a:b]),
            "on_header_value": lambda data, a, b: self._header[1].extend(data[a:b]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": lambda data, a, b: self._part.add(data[a:b]),
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._headers = {}

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if disposition != b"form-data" or b"name" not in options:
            raise FieldError("form part: expected Content-Disposition: form-data with a name")
        name = _decode(options[b"name"])
        filename = _decode(options[b"filename"]) if b"filename" in options else None
        is_image = name == IMAGE_FIELD
        if is_image and len(self.form.images) >= self.limits.max_images:
            raise FieldError(
                f"{IMAGE_FIELD}: more than {self.limits.max_images} given: expected at most "
                f"{self.limits.max_images} in one request; send the others in another"
            )
        if is_image:
            self._part = _Part(name, filename, self.limits.max_bytes, self._spool)
            return
        self._count += 1
        if self._count > _MAX_FIELDS:
            raise FieldError(f"form has more than {_MAX_FIELDS} fields beside its images")
        self._part = _Part(name, filename, _MAX_FIELD_BYTES)

    def _end(self) -> None:
        if self._part.name == IMAGE_FIELD:
            self.form.images.append(self._part.upload())
            self._arrived()
        elif self._part.name not in self._known:
            self.form.unknown[self._part.name] = self._part.filename is not None
        else:
            self.form.fields.setdefault(self._part.name, []).append(self._part.text())

    def _finish(self) -> None:
        self.complete = True


def _content_type(header: str | None) -> tuple[str, bytes]:
    """Lower-case media type and multipart boundary (empty without one)."""
    message = Message()
    message["content-type"] = header or "application/octet-stream"
    boundary = message.get_boundary() or ""
    return message.get_content_type(), boundary.encode("latin-1", "replace")


def _decode(name: bytes) -> str:
    return name.decode("utf-8", "replace")
