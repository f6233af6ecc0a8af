"""What the formats have in common: the limit on Exif data, and the words of a refusal."""

from app.errors import ImageDecodeError

MOST_EXIF_BYTES = 1 << 20  # a JPEG segment holds 64 KiB; some programs put previews into it


def check_exif(length: int) -> None:
    """Raises ImageDecodeError for so many bytes of Exif data: each of its values is read."""
    if length > MOST_EXIF_BYTES:
        raise ImageDecodeError(
            f"image has {length} bytes of Exif data: expected at most {MOST_EXIF_BYTES}"
        )


def too_many(kind: str, parts: str, most: int) -> ImageDecodeError:
    """The refusal of a file with more than `most` of these parts."""
    return ImageDecodeError(f"{kind} image has too many {parts}: expected at most {most}")


def check_nothing(data: bytes, max_pixels: int) -> None:
    """Of a format whose headers hold nothing that costs time beside its pixels."""
