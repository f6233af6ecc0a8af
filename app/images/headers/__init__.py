"""What an image file is made of, told by its headers: limits on what costs time beside its pixels.

A file that keeps to the limits on bytes and pixels may still hold a decoder for minutes or fill
the memory: with thousands of passes over the picture, of compressed notes or of tags, with tags
that all hold the same bytes, or with tiles far larger than the picture. All this is counted before
anything is decoded. The limits are far above what cameras and programs write. Does not import
Pillow, though it says what Pillow reads; knows nothing of what the pixels are. A file whose
headers make no sense passes: its decoder refuses it. Which check is of which format is said in
`app.images.formats`.
"""

from app.images.headers.jpeg import check_jpeg
from app.images.headers.limits import check_exif, check_nothing
from app.images.headers.png import check_png
from app.images.headers.tiff import check_tiff
from app.images.headers.webp import webp_canvas

__all__ = [
    "check_exif",
    "check_jpeg",
    "check_nothing",
    "check_png",
    "check_tiff",
    "webp_canvas",
]
