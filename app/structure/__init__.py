"""What an image file is made of, told by its headers: limits on what costs time beside its pixels.

A file that keeps to the limits on bytes and pixels may still hold a decoder for minutes or fill
the memory: with thousands of passes over the picture, of compressed notes or of tags, with tags
that all hold the same bytes, or with tiles far larger than the picture. All this is counted before
anything is decoded. The limits are far above what cameras and programs write. Does not import
Pillow, though it says what Pillow reads; knows nothing of what the pixels are.
"""

from app.structure.jpeg import check_jpeg
from app.structure.limits import check_exif
from app.structure.png import check_png
from app.structure.tiff import check_tiff
from app.structure.webp import webp_canvas

__all__ = ["check_exif", "check_structure", "webp_canvas"]


def check_structure(data: bytes, kind: str, max_pixels: int) -> None:
    """Raises ImageDecodeError for a file of too many parts, ImageTooLargeError for too large tiles.

    kind: what its first bytes claim that it is. A file whose headers make no sense passes: its
    decoder refuses it.
    """
    if kind == "PNG":
        check_png(data)
    elif kind == "JPEG":
        check_jpeg(data)
    elif kind == "TIFF":
        check_tiff(data, max_pixels)
