"""The chunks of a PNG file."""

from app.images.headers.limits import too_many

_MOST_CHUNKS = 100_000  # some encoders write one per row
_MOST_NOTES = 256  # of them those that may unpack to a mebibyte each, or are Exif data
_NOTES = (b"iCCP", b"zTXt", b"iTXt", b"eXIf")


def check_png(data: bytes, max_pixels: int) -> None:
    """Raises ImageDecodeError for too many chunks, or too many that unpack."""
    at, chunks, notes = 8, 0, 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IEND":
            return
        chunks += 1
        notes += kind in _NOTES
        if notes > _MOST_NOTES:
            raise too_many("PNG", "packed notes", _MOST_NOTES)
        if chunks > _MOST_CHUNKS:
            raise too_many("PNG", "chunks", _MOST_CHUNKS)
        at += length + 12
