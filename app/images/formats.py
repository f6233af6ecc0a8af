"""The one table of image formats: what each is called, how it is told, and what checks its headers.

Uploads, the published document, data sets, folders of files and the page all read it. A format is
judged from the content wherever there is content; suffixes only say which files of a folder are
meant. Does not import Pillow.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.images.headers import check_jpeg, check_nothing, check_png, check_tiff

# Of a big-endian BigTIFF Pillow reads the start as that of a small TIFF: it has no place here.
_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00")
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)


@dataclass(frozen=True)
class Format:
    """name: Pillow's. suffixes: of its files, lower case, the usual one first.

    begins: whether these first bytes (32 are enough) claim to be of it. check: raises for headers
    of too many parts, given the file's bytes and the most pixels allowed.
    """

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    begins: Callable[[bytes], bool]
    check: Callable[[bytes, int], None]


def _begins_bmp(data: bytes) -> bool:
    # Two letters alone would make a bitmap of any text that begins with "BM".
    size = int.from_bytes(data[14:18], "little")
    return data.startswith(b"BM") and len(data) >= 18 and size in _BMP_HEADER_SIZES


FORMATS: tuple[Format, ...] = (
    Format(
        "PNG",
        "image/png",
        (".png", ".apng"),
        lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"),
        check_png,
    ),
    Format(
        "JPEG",
        "image/jpeg",
        (".jpg", ".jpeg", ".jpe", ".jfif", ".jfi"),
        lambda data: data.startswith(b"\xff\xd8\xff"),
        check_jpeg,
    ),
    Format("BMP", "image/bmp", (".bmp", ".dib"), _begins_bmp, check_nothing),
    Format(
        "TIFF",
        "image/tiff",
        (".tif", ".tiff"),
        lambda data: data.startswith(_TIFF_STARTS),
        check_tiff,
    ),
    Format(
        "WEBP",
        "image/webp",
        (".webp",),
        lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP",
        check_nothing,
    ),
)

NAMES: tuple[str, ...] = tuple(form.name for form in FORMATS)
SUFFIXES: frozenset[str] = frozenset(suffix for form in FORMATS for suffix in form.suffixes)
"""Suffixes of files that can be read, lower case."""

OTHER_SUFFIXES: frozenset[str] = frozenset(
    (
        ".avif", ".cr2", ".dcm", ".dng", ".exr", ".gif", ".hdr", ".heic", ".heif", ".ico", ".j2c",
        ".j2k", ".jls", ".jp2", ".jpf", ".jpx", ".jxl", ".nef", ".pbm", ".pcx", ".pgm", ".pnm",
        ".ppm", ".psd", ".ras", ".raw", ".sgi", ".tga", ".xbm", ".xpm",
    )
)  # fmt: skip
"""Suffixes of pictures that cannot be read: whoever lists a folder names them."""


def sniff_format(data: bytes) -> Format | None:
    """The allowed format that these first bytes (32 are enough) claim to be, or None."""
    return next((form for form in FORMATS if form.begins(data)), None)
