"""Hypothesis strategies for the bytes of image files: true ones, damaged, lying and exploding.

A true picture comes with the pixels that it must decode to, known from what it was made of and not
from the decoder. Everything else is only bytes. Knows nothing of what the service makes of them.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Draw = Callable[[st.SearchStrategy[Any]], Any]

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_KINDS = [  # colour type and depth
    *((0, depth) for depth in (1, 2, 4, 8, 16)),
    *((3, depth) for depth in (1, 2, 4, 8)),
    *((colour, depth) for colour in (2, 4, 6) for depth in (8, 16)),
]
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: p.transpose(1, 0, 2)[:, ::-1],
    7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda p: p.transpose(1, 0, 2)[::-1],
}
"""Pixels [H,W,3] as they are stored -> upright, by Exif orientation."""


@dataclass(frozen=True)
class TruePicture:
    """A file, and the pixels [H,W,3] it shows; tolerance: by how much each may differ.

    several: whether it has more frames than the first; visible: whether any pixel is.
    """

    kind: str
    data: bytes
    pixels: Pixels
    tolerance: int = 0
    several: bool = False
    visible: bool = True


# True pictures

sizes = st.one_of(
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    st.tuples(st.just(1), st.integers(1, 3000)),
    st.tuples(st.integers(1, 3000), st.just(1)),
)
"""(width, height), the extreme ones among them."""


def true_pictures(kind: str) -> st.SearchStrategy[TruePicture]:
    """Files of one of NAMES in all the ways that it has to store pixels."""
    return {
        "PNG": png_pictures,
        "JPEG": jpeg_pictures,
        "BMP": bmp_pictures,
        "TIFF": tiff_pictures,
        "WEBP": webp_pictures,
    }[kind]()


@st.composite
def samples(draw: Draw, channels: int, top: int = 255) -> NDArray[Any]:
    """Noise, or one colour, of 0 to `top`: [H,W,channels]."""
    width, height = draw(sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        return rng.integers(0, top + 1, (height, width, channels))
    return np.broadcast_to(rng.integers(0, top + 1, channels), (height, width, channels)).copy()


@st.composite
def png_pictures(draw: Draw) -> TruePicture:
    """Every depth and colour type, interlaced or not, with a transparent colour, turned, moving."""
    if draw(st.integers(0, 9)) == 0:
        return _frames(draw, "PNG")
    colour, depth = draw(st.sampled_from(_PNG_KINDS))
    top = (1 << depth) - 1
    stored = draw(samples({0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour], top))
    chunks = []
    seen = (stored >> 8) if depth == 16 else stored * (255 // top) if depth < 8 else stored
    if colour == 3:
        table = np.random.default_rng(depth).integers(0, 256, (top + 1, 3))
        chunks.append((b"PLTE", table.astype(np.uint8).tobytes()))
        alpha = draw(st.none() | st.lists(st.integers(0, 255), min_size=1, max_size=top + 1))
        opacity = np.full(top + 1, 255)
        if alpha is not None:
            chunks.append((b"tRNS", bytes(alpha)))
            opacity[: len(alpha)] = alpha
        seen, opaque = table[stored[..., 0]], opacity[stored]
    elif colour in (4, 6):
        seen, opaque = seen[..., :-1], seen[..., -1:]
    else:
        opaque = np.full((*stored.shape[:2], 1), 255)
        if draw(st.booleans()):
            clear = stored[0, 0]
            chunks.append((b"tRNS", struct.pack(f">{len(clear)}H", *clear)))
            opaque[(stored == clear).all(-1)] = 0
    orientation = draw(st.none() | st.integers(1, 8))
    if orientation:
        chunks.append((b"eXIf", _exif(orientation)))
    data = png_file(stored, depth, colour, interlaced=draw(st.booleans()), chunks=chunks)
    shown = TURNS[orientation or 1](_over_white(seen, opaque))
    # Pillow's blending rounds in its own way where a pixel is half transparent.
    return TruePicture("PNG", data, shown, tolerance=1, visible=bool(opaque.any()))


@st.composite
def jpeg_pictures(draw: Draw) -> TruePicture:
    """One colour, since only that is kept: grey, RGB or CMYK, progressive or not, turned."""
    mode = draw(st.sampled_from(["L", "RGB", "CMYK"]))
    colour = draw(st.tuples(*[st.integers(0, 255)] * len(Image.new(mode, (1, 1)).getbands())))
    image = Image.new(mode, draw(sizes), colour[0] if mode == "L" else colour)
    options: dict[str, Any] = {"progressive": draw(st.booleans()), "quality": 100}
    if draw(st.booleans()):
        options["restart_marker_blocks"] = draw(st.integers(1, 4))
    return _turned(draw, "JPEG", image, tolerance=6, **options)


@st.composite
def bmp_pictures(draw: Draw) -> TruePicture:
    """With and without a palette, from the top or from the bottom, in runs."""
    how = draw(st.sampled_from(["pillow", "top down", "runs"]))
    if how == "pillow":
        mode = draw(st.sampled_from(["1", "L", "P", "RGB"]))
        return _turned(draw, "BMP", _image(draw, mode), turns=False)
    if how == "top down":
        stored = draw(samples(3)).astype(np.uint8)
        rows = [row[:, ::-1].tobytes() for row in stored]
        rows = [row + bytes(-len(row) % 4) for row in rows]
        return TruePicture(
            "BMP", bmp_file(stored.shape[1], -stored.shape[0], b"".join(rows)), stored
        )
    stored = draw(samples(1)).astype(np.uint8)[..., 0]
    table = np.random.default_rng(1).integers(0, 256, (256, 4)).astype(np.uint8)
    runs = b"".join(
        b"".join(bytes((1, value)) for value in row) + b"\0\0" for row in stored[::-1].tolist()
    )
    data = bmp_file(stored.shape[1], stored.shape[0], runs + b"\0\1", 8, 1, table.tobytes())
    return TruePicture("BMP", data, table[:, 2::-1][stored])


@st.composite
def tiff_pictures(draw: Draw) -> TruePicture:
    """Both byte orders, BigTIFF, strips, compressions, 1 to 32 bits, several pages, turned."""
    how = draw(st.sampled_from(["by hand", "by hand", "pillow", "pages"]))
    if how == "pages":
        return _frames(draw, "TIFF")
    if how == "pillow":
        mode = draw(st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"]))
        packed = [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma"]
        packed += ["group3", "group4"] if mode == "1" else []
        image = _image(draw, mode)
        return _turned(draw, "TIFF", image, compression=draw(st.sampled_from(packed)), tolerance=1)
    bits, channels, photometric = draw(
        st.sampled_from([(8, 1, 1), (8, 1, 0), (16, 1, 1), (32, 1, 1), (8, 3, 2), (8, 4, 5)])
    )
    stored = draw(samples(channels, 255 if bits != 16 else 65535))
    if bits == 32:
        written, seen = (stored / 255).astype(np.float32), stored
    else:
        written = stored.astype(np.uint16 if bits == 16 else np.uint8)
        seen = stored >> 8 if bits == 16 else 255 - stored if photometric == 0 else stored
    if photometric == 5:
        ink = stored.astype(np.uint8)
        seen = np.asarray(Image.fromarray(ink, "CMYK").convert("RGB"))
    orientation = draw(st.integers(1, 8))
    data = tiff_file(
        written,
        photometric,
        **draw(st.sampled_from(({"end": "<"}, {"end": ">"}, {"big": True}))),
        strip=draw(st.integers(1, len(stored))),
        orientation=orientation,
    )
    opaque = np.full((*stored.shape[:2], 1), 255)
    return TruePicture("TIFF", data, TURNS[orientation](_over_white(seen, opaque)))


@st.composite
def webp_pictures(draw: Draw) -> TruePicture:
    """Lossless of any pixels, with or without alpha; lossy of one colour; several frames."""
    how = draw(st.sampled_from(["lossless", "lossless", "lossy", "frames"]))
    if how == "frames":
        return _frames(draw, "WEBP")
    if how == "lossless":
        mode = draw(st.sampled_from(["RGB", "RGBA"]))
        return _turned(draw, "WEBP", _image(draw, mode), tolerance=1, lossless=True, exact=True)
    colour = draw(st.tuples(*[st.integers(0, 255)] * 3))
    return _turned(draw, "WEBP", Image.new("RGB", draw(sizes), colour), tolerance=10, quality=95)


def _image(draw: Draw, mode: str) -> Image.Image:
    channels = {"1": 1, "L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    values = draw(samples(channels)).astype(np.uint8)
    if mode == "1":
        return Image.fromarray(values[..., 0] > 127)
    image = Image.fromarray(values[..., 0] if channels == 1 else values, mode)
    if mode == "P":
        image.putpalette(np.random.default_rng(2).integers(0, 256, 768).astype(np.uint8).tobytes())
    return image


def _shown(image: Image.Image) -> Pixels:
    """The pixels, over white where they are not opaque."""
    if image.mode not in ("LA", "RGBA"):
        return np.asarray(image.convert("RGB"))
    values = np.asarray(image).astype(int)
    return _over_white(values[..., :-1], values[..., -1:])


def _turned(
    draw: Draw,
    kind: str,
    image: Image.Image,
    tolerance: int = 0,
    turns: bool = True,
    **options: Any,
) -> TruePicture:
    orientation = draw(st.none() | st.integers(1, 8)) if turns else None
    if orientation:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    pixels = TURNS[orientation or 1](_shown(image))
    visible = image.mode not in ("LA", "RGBA") or bool(np.asarray(image)[..., -1].any())
    return TruePicture(kind, file_of(image, kind, **options), pixels, tolerance, visible=visible)


def _frames(draw: Draw, kind: str) -> TruePicture:
    first = _image(draw, "RGB")
    # Frames that equal the one before are left out by Pillow.
    others = [
        Image.new("RGB", first.size, (number % 2 * 255, number, 7))
        for number in range(draw(st.integers(1, 5)))
    ]
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    data = file_of(first, kind, save_all=True, append_images=others, **options)
    several = True
    if kind == "PNG":
        several = b"acTL" in data
    elif kind == "WEBP":
        several = data.count(b"ANMF") > 1
    return TruePicture(kind, data, np.asarray(first), several=several)


def _over_white(seen: NDArray[Any], opaque: NDArray[Any]) -> Pixels:
    seen = np.broadcast_to(seen, (*seen.shape[:2], 3))
    mixed = (seen * opaque + 255 * (255 - opaque)) / 255
    return np.round(mixed).astype(np.uint8)


# Damaged pictures

_place = st.floats(0, 1, exclude_max=True)
_edit = st.one_of(
    st.tuples(st.just("flip"), _place, st.integers(0, 7)),
    st.tuples(st.just("write"), _place, st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("number"), _place, st.sampled_from((0, 1, 0x7FFFFFFF, 0xFFFFFFFF))),
    st.tuples(st.just("delete"), _place, st.integers(1, 64)),
    st.tuples(st.just("insert"), _place, st.binary(min_size=1, max_size=64)),
    st.tuples(st.just("double"), _place, st.integers(1, 64)),
    st.tuples(st.just("swap"), _place, _place),
    st.tuples(st.just("cut"), _place, st.none()),
)


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """These bytes after one to six edits, most of which keep most of them."""
    return st.lists(_edit, min_size=1, max_size=6).map(lambda edits: _edited(data, edits))


def damaged(kind: str) -> st.SearchStrategy[bytes]:
    """Mutations of any true picture of the format."""
    return true_pictures(kind).flatmap(lambda picture: mutated(picture.data))


def _edited(data: bytes, edits: Iterable[tuple[str, float, Any]]) -> bytes:
    for kind, place, what in edits:
        at = int(place * len(data))
        before, after = data[:at], data[at:]
        if kind == "flip" and after:
            data = before + bytes([after[0] ^ 1 << what]) + after[1:]
        elif kind == "write":
            data = before + what + after[len(what) :]
        elif kind == "number":
            data = before + what.to_bytes(4, "little") + after[4:]
        elif kind == "delete":
            data = before + after[what:]
        elif kind == "insert":
            data = before + what + after
        elif kind == "double":
            data = before + after[:what] + after
        elif kind == "swap":
            other = int(what * len(data))
            first, last = sorted((at, other))
            data = data[:first] + data[last : last + 4] + data[first + 4 : last]
            data += before[first : first + 4] + after[4:]
        elif kind == "cut":
            data = before
    return data


# Lying headers

_side = st.one_of(
    st.integers(0, 40), st.sampled_from((255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1))
)
_short, _byte = st.integers(0, 65_535), st.integers(0, 255)
_some_bytes = st.binary(max_size=80) | st.integers(0, 4000).map(bytes)


def _mostly(usual: Any, odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A file all of whose parts lie is refused for the first; now and then one of them does."""
    right = usual if isinstance(usual, st.SearchStrategy) else st.just(usual)
    return st.integers(0, 7).flatmap(lambda number: odd if number == 7 else right)


def lying_headers(kind: str) -> st.SearchStrategy[bytes]:
    """Files whose parts are where they belong while what some of them say is drawn at will."""
    return {
        "PNG": _lying_png,
        "JPEG": _lying_jpeg,
        "BMP": _lying_bmp,
        "TIFF": _lying_tiff,
        "WEBP": _lying_webp,
    }[kind]()


@st.composite
def _lying_png(draw: Draw) -> bytes:
    width, height = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    colour, depth = draw(st.sampled_from(_PNG_KINDS))
    interlaced = draw(st.booleans())
    header = struct.pack(
        ">II5B",
        draw(_mostly(width, _side)),
        draw(_mostly(height, _side)),
        draw(_mostly(depth, _byte)),
        draw(_mostly(colour, _byte)),
        draw(_mostly(0, _byte)),
        draw(_mostly(0, _byte)),
        draw(_mostly(int(interlaced), _byte)),
    )
    frame = struct.pack(">5I", 0, width, height, 0, 0)
    bodies = {
        b"PLTE": _mostly(bytes(768), _some_bytes),
        b"acTL": _mostly(struct.pack(">II", 2, 0), st.binary(min_size=8, max_size=8)),
        b"fcTL": _mostly(frame + bytes(6), st.binary(min_size=26, max_size=26)),
        b"fdAT": _some_bytes.map(lambda rows: struct.pack(">I", 1) + zlib.compress(rows)),
    }
    kinds = (*bodies, b"tRNS", b"eXIf", b"iCCP", b"zTXt", b"iTXt", b"gAMA", b"cHRM", b"sRGB")
    chunk = st.sampled_from((*kinds, b"pHYs", b"tEXt", b"abCd", b"IHDR")).flatmap(
        lambda kind: st.tuples(st.just(kind), bodies.get(kind, _some_bytes))
    )
    stored = np.zeros((height, width, {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]), int)
    rows = draw(_mostly(png_rows(stored, depth, interlaced), _some_bytes))
    before, after = draw(st.lists(chunk, max_size=3)), draw(st.lists(chunk, max_size=2))
    return png_of(
        [(b"IHDR", header), *before, (b"IDAT", zlib.compress(rows)), *after, (b"IEND", b"")]
    )


@st.composite
def _lying_bmp(draw: Draw) -> bytes:
    size = draw(_mostly(st.sampled_from((12, 40, 52, 56, 108, 124)), st.sampled_from((16, 64))))
    signed = _side.map(lambda side: side - 2**32 if side >= 2**31 else side)
    width = draw(_mostly(st.integers(1, 40), _side))
    height = draw(_mostly(st.integers(-40, 40), signed))
    bits = draw(_mostly(st.sampled_from((1, 4, 8, 16, 24, 32)), _short))
    planes = draw(_mostly(1, _short))
    if size == 12:
        rest = struct.pack("<HHHH", width & 0xFFFF, height & 0xFFFF, planes, bits)
    else:
        packing = {4: (0, 2), 8: (0, 1), 16: (0, 3), 32: (0, 3)}.get(bits, (0,))
        fields = [draw(_mostly(st.sampled_from(packing), st.integers(0, 9)))]
        fields += [draw(_mostly(0, _side)) for _ in range(5)]
        rest = struct.pack("<IiHH6I", width, height, planes, bits, *fields)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0)
    if bits == 16:
        masks = struct.pack("<IIII", 0xF800, 0x7E0, 0x1F, 0)
    rest = rest + draw(_mostly(masks, st.binary(min_size=16, max_size=16))) + bytes(size)
    offset = draw(_mostly(st.sampled_from((14 + size, 14 + size + 1024, 0)), _side))
    head = b"BM" + struct.pack("<IHHI", draw(_side), 0, 0, offset) + struct.pack("<I", size)
    return head + rest[: size - 4] + draw(_mostly(bytes(8000), _some_bytes))


@st.composite
def _lying_tiff(draw: Draw) -> bytes:
    end, big = draw(st.sampled_from((("<", False), (">", False), ("<", True))))
    word = end + ("Q" if big else "I")
    value = _side | st.integers(0, 9)
    packings = st.sampled_from((2, 3, 4, 5, 6, 7, 8, 32773, 32809, 34676, 34925, 50000, 50001))
    width, height = draw(st.integers(1, 16)), draw(st.integers(1, 16))
    usual = {
        256: (width, _side), 257: (height, _side), 258: (st.sampled_from((1, 8, 16)), value),
        259: (1, packings | value), 262: (st.integers(0, 1), st.integers(0, 9)),
        273: (st.integers(8, 40), value), 277: (1, value), 278: (height, value),
        279: (512, value),
    }  # fmt: skip
    often = (266, 274, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339, 347, 530, 700, 34665)
    others = st.sampled_from((*often, 34853, 40965, 34675)) | _short
    tags = [(tag, draw(_mostly(*values))) for tag, values in usual.items()]
    tags = [tag for tag in tags if draw(_mostly(True, st.just(False)))]
    tags += [(draw(others), draw(value)) for _ in range(draw(st.integers(0, 3)))]
    if draw(_mostly(True, st.just(False))):
        tags.sort()
    entries = b""
    for tag, number in tags:
        kind = draw(_mostly(st.sampled_from((3, 4)), st.integers(0, 18)))
        kind = 4 if number > 0xFFFF and kind == 3 else kind
        count = draw(_mostly(1, st.integers(0, 6) | _side))
        inline = struct.pack(end + ("H" if kind in (3, 8) else "I"), number & _top(kind))
        entries += struct.pack(end + "HH", tag, kind) + struct.pack(word, count)
        entries += inline.ljust(8 if big else 4, b"\0")
    mark = b"II" if end == "<" else b"MM"
    if big:
        data = mark + struct.pack(end + "HHHQQ", 43, 8, 0, 16, len(tags))
    else:
        data = mark + struct.pack(end + "HIH", 42, 8, len(tags))
    data += entries + struct.pack(word, draw(_mostly(0, value)))
    return data + draw(_mostly(bytes(600), _some_bytes))


def _top(kind: int) -> int:
    return 0xFFFF if kind in (3, 8) else 0xFFFFFFFF


@st.composite
def _lying_webp(draw: Draw) -> bytes:
    side = _mostly(16, st.integers(1, 40) | st.sampled_from((16_383, 16_384, 65_536, 2**24)))
    still = draw(st.sampled_from((False, True)))
    file = file_of(Image.new("RGB", (16, 16), "red"), "WEBP", lossless=still)
    kind, content = file[12:16], bytearray(file[20:])
    sides = draw(side) & 0x3FFF, draw(side) & 0x3FFF
    if kind == b"VP8 ":
        content[6:10] = struct.pack("<HH", *sides)
    else:
        bits = max(sides[0] - 1, 0) | max(sides[1] - 1, 0) << 14
        content[1:5] = bits.to_bytes(4, "little")
    pieces = [(kind, draw(_mostly(bytes(content), _some_bytes)))]
    if draw(st.booleans()):
        flags = draw(_mostly(st.sampled_from((0, 2, 8, 16)), _byte))
        canvas = b"".join((draw(side) - 1).to_bytes(3, "little") for _ in range(2))
        if flags & 2:
            frame = bytes(6) + canvas + b"\x64\0\0\0" + webp_of(pieces)[12:]
            pieces = [(b"ANIM", bytes(6)), *[(b"ANMF", frame)] * draw(st.integers(1, 3))]
        others = st.sampled_from((b"EXIF", b"ICCP", b"XMP ", b"ALPH", b"VP8X", b"abcd"))
        pieces += draw(st.lists(st.tuples(others, _some_bytes), max_size=2))
        pieces = [(b"VP8X", bytes([flags, 0, 0, 0]) + canvas), *pieces]
    return webp_of(pieces)


@st.composite
def _lying_jpeg(draw: Draw) -> bytes:
    progressive = draw(st.booleans())
    data = bytearray(file_of(Image.new("RGB", (16, 16), "red"), "JPEG", progressive=progressive))
    frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    frames = st.sampled_from((0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCB, 0xDE))
    data[frame + 1] = draw(_mostly(data[frame + 1], frames))
    sides = [draw(_mostly(16, _side)) & 0xFFFF for _ in range(2)]
    data[frame + 5 : frame + 9] = struct.pack(">HH", *sides)
    for at in (frame + 4, *range(frame + 9, frame + 19)):
        if draw(st.integers(0, 40)) == 40:
            data[at] = draw(_byte)
    kinds = st.sampled_from((0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE))
    tables = st.sampled_from((0xDA, 0xDB, 0xC4, 0xDD, 0xDC, 0xC8, 0xF0))
    start = st.sampled_from((b"", b"Exif\0\0", b"JFIF\0", b"ICC_PROFILE\0", b"MPF\0", b"Adobe"))
    segments = b""
    for _ in range(draw(st.integers(0, 3))):
        body = draw(start) + draw(st.binary(max_size=60))
        length = draw(_mostly(len(body) + 2, _short))
        kind = draw(_mostly(kinds, tables))
        segments += b"\xff" + bytes([kind]) + struct.pack(">H", length) + body
    return bytes(data[:2]) + segments + bytes(data[2:])


# Files by hand


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The image as Pillow writes it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks, their checksums being right."""
    return _PNG_START + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def png_file(
    stored: NDArray[Any],
    depth: int,
    colour: int,
    *,
    interlaced: bool = False,
    chunks: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """Samples [H,W,channels] -> PNG; Pillow writes neither most depths nor interlaced ones."""
    rows = png_rows(stored, depth, interlaced)
    height, width = stored.shape[:2]
    header = struct.pack(">II5B", width, height, depth, colour, 0, 0, interlaced)
    return png_of([(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


def png_rows(stored: NDArray[Any], depth: int, interlaced: bool) -> bytes:
    """What a PNG's stream of pixels unpacks to."""
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    parts = (stored[y::down, x::right] for x, y, right, down in passes)
    return b"".join(_unfiltered(part.reshape(len(part), -1), depth) for part in parts if part.size)


def _unfiltered(values: NDArray[Any], depth: int) -> bytes:
    """Rows [H,N] of samples as a PNG has them: each begins with the number of its filter, none."""
    if depth >= 8:
        packed = np.ascontiguousarray(values, f">u{depth // 8}").view(np.uint8)
    else:
        bits = values[..., None] >> np.arange(depth - 1, -1, -1) & 1
        packed = np.packbits(bits.astype(np.uint8).reshape(len(values), -1), axis=1)
    return np.insert(packed, 0, 0, axis=1).tobytes()


def bmp_file(
    width: int, height: int, pixels: bytes, bits: int = 24, packing: int = 0, table: bytes = b""
) -> bytes:
    """A BMP; of a negative height, from the top down."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, 0, 0, 0, 0, 0)
    start = 14 + len(header) + len(table)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + table + pixels


def webp_of(pieces: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A WebP of these chunks."""
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
        for kind, content in pieces
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff_file(
    values: NDArray[Any],
    photometric: int = 1,
    end: str = "<",
    big: bool = False,
    strip: int | None = None,
    orientation: int = 1,
) -> bytes:
    """Samples [H,W,channels] -> TIFF of either byte order, not compressed."""
    height, width, channels = values.shape
    strip = strip or height
    rows = values.astype(values.dtype.newbyteorder(end))
    strips = [rows[at : at + strip].tobytes() for at in range(0, height, strip)]
    bits = values.dtype.itemsize * 8
    tags: dict[int, list[int]] = {
        256: [width], 257: [height], 258: [bits] * channels, 259: [1], 262: [photometric],
        274: [orientation], 277: [channels], 278: [strip], 279: [len(each) for each in strips],
        339: [3 if values.dtype.kind == "f" else 1] * channels,
    }  # fmt: skip
    return tiff_of(tags, strips, end, big)


def tiff_of(
    tags: dict[int, list[int]],
    strips: list[bytes],
    end: str = "<",
    big: bool = False,
    where: int = 273,
) -> bytes:
    """A TIFF of these tags (all LONG) and strips, or tiles where `where` is 324."""
    word, room = (end + "Q", 8) if big else (end + "I", 4)
    start = 16 if big else 8
    lengths = np.cumsum([0, *(len(each) for each in strips)])
    tags = {**tags, where: [0] * len(strips)}
    directory = (8 if big else 2) + len(tags) * (4 + 2 * room) + room
    after = start + directory
    pixels = after + sum(4 * len(each) for each in tags.values() if 4 * len(each) > room)
    tags[where] = [pixels + int(at) for at in lengths[:-1]]
    entries, far = b"", b""
    for tag, numbers in sorted(tags.items()):
        content = struct.pack(f"{end}{len(numbers)}I", *numbers)
        entries += struct.pack(end + "HH", tag, 4) + struct.pack(word, len(numbers))
        if len(content) <= room:
            entries += content.ljust(room, b"\0")
        else:
            entries += struct.pack(word, after + len(far))
            far += content
    mark = b"II" if end == "<" else b"MM"
    if big:
        head = mark + struct.pack(end + "HHHQQ", 43, 8, 0, 16, len(tags))
    else:
        head = mark + struct.pack(end + "HIH", 42, 8, len(tags))
    return head + entries + bytes(room) + far + b"".join(strips)


def jpeg_with_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive grey JPEG of so many scans, each of which goes over the whole picture."""
    blocks = -(-width // 8) * -(-height // 8)
    segments = [
        (0xDB, b"\0" + bytes([1] * 64)),
        (0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0"),
        (0xC4, b"\0\x01" + bytes(15) + b"\0"),  # one code: no difference
        (0xC4, b"\x10\x01" + bytes(15) + b"\xe0"),  # one code: so many blocks of nothing
    ]
    head = b"\xff\xd8" + b"".join(
        b"\xff" + bytes([kind]) + struct.pack(">H", len(body) + 2) + body for kind, body in segments
    )
    first = b"\xff\xda\0\x08\x01\x01\0\0\0\0" + bytes(blocks // 8 + 1)
    bits = ("0" + "1" * 14) * -(-blocks // 32_767)
    bits += "1" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    other = b"\xff\xda\0\x08\x01\x01\0\x01\x3f\0" + body
    return head + first + other * (scans - 1) + b"\xff\xd9"


def exif_of(rationals: int, orientation: int = 6) -> bytes:
    """Exif data with a tag of so many fractions."""
    tags = struct.pack("<HHII", 0x0112, 3, 1, orientation)
    tags += struct.pack("<HHII", 33434, 5, rationals, 38)
    return b"II*\0\x08\0\0\0\x02\0" + tags + bytes(4) + struct.pack("<II", 3, 7) * rationals


def shared_exif(tags: int, kind: int, count: int, held: int) -> bytes:
    """Exif data with so many tags, all of which hold the same `held` bytes."""
    entries = b"".join(struct.pack("<HHII", 1000 + at, kind, count, 8) for at in range(tags))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", tags) + entries + bytes(4 + held)


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes().removeprefix(b"Exif\0\0")


def zeros_packed(count: int) -> bytes:
    """So many zeros as a zlib stream, without ever being there."""
    pack = zlib.compressobj(9)
    parts = []
    while count > 0:
        parts.append(pack.compress(bytes(min(count, 1 << 20))))
        count -= 1 << 20
    return b"".join((*parts, pack.flush()))


# Bombs: small files that would be large, and files of very many parts

_MIB = 1 << 20
_SMALL_ROWS = (b"IDAT", zlib.compress(bytes(17 * 16)))
_END = (b"IEND", b"")


def _png_head(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">II5B", width, height, 8, 0, 0, 0, 0)


def _small_png(before: Iterable[tuple[bytes, bytes]]) -> bytes:
    return png_of([_png_head(16, 16), *before, _SMALL_ROWS, _END])


def _jpeg_with(segment: bytes, times: int) -> bytes:
    data = file_of(Image.new("RGB", (16, 16)), "JPEG")
    return data[:2] + segment * times + data[2:]


def jpeg_hiding(marker: int, segment: bytes, times: int) -> bytes:
    """These segments in groups, which a marker before each would hide if it had a length."""
    group = segment * (65_533 // len(segment))
    return _jpeg_with(b"\xff" + bytes([marker]) + b"\xff\xff" + group.ljust(65_533, b"\0"), times)


def _tiled(width: int, height: int, tile: tuple[int, int], count: int, packed: bytes) -> bytes:
    """Tiles that all are the same bytes."""
    tags = {
        256: [width], 257: [height], 258: [8], 259: [8], 262: [1], 277: [1],
        322: [tile[0]], 323: [tile[1]], 325: [len(packed)] * count,
    }  # fmt: skip
    data = tiff_of(tags, [packed] + [b""] * (count - 1), where=324)
    first = len(data) - len(packed)
    later = struct.pack("<I", first + len(packed))
    return data.replace(
        struct.pack("<I", first) + later * (count - 1), struct.pack("<I", first) * count
    )


def _moving_webp(side: int, frames: int) -> bytes:
    still = file_of(Image.new("RGB", (16, 16)), "WEBP", lossless=True)[12:]
    canvas = b"\x02\0\0\0" + (side - 1).to_bytes(3, "little") * 2
    frame = bytes(6) + (15).to_bytes(3, "little") * 2 + b"\x64\0\0\0" + still
    return webp_of([(b"VP8X", canvas), (b"ANIM", bytes(6)), *[(b"ANMF", frame)] * frames])


def _moving_png(frames: int) -> bytes:
    """A true first frame and very many more that claim to come."""
    control = struct.pack(">5IHHBB", 0, 16, 16, 0, 0, 1, 9, 0, 0)
    return png_of(
        [
            _png_head(16, 16),
            (b"acTL", struct.pack(">II", frames, 0)),
            (b"fcTL", control),
            _SMALL_ROWS,
            _END,
        ]
    )


def _looping_tiff() -> bytes:
    """Its page is followed by itself."""
    data = bytearray(tiff_file(np.zeros((16, 16, 1), np.uint8)))
    after = 10 + 12 * int.from_bytes(data[8:10], "little")
    data[after : after + 4] = (8).to_bytes(4, "little")
    return bytes(data)


def _pages(count: int) -> bytes:
    """Very many directories, each of which leads to the next, over the same pixels."""
    pixels = bytes(256)
    tags = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 16, 279: 256}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    size = 2 + len(entries) + 4
    first = 8 + len(pixels)
    directories = b"".join(
        struct.pack("<H", len(tags)) + entries + struct.pack("<I", first + size * (number + 1))
        for number in range(count - 1)
    )
    last = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", first) + pixels + directories + last


def _gif(side: int, frames: int) -> bytes:
    frame = b"!\xf9\x04\0\0\0\0\0,\0\0\0\0" + struct.pack("<HH", side, side) + b"\0\x02\x02L\x01\0"
    return (
        b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6) + frame * frames + b";"
    )


def _large_jpeg() -> bytes:
    data = bytearray(file_of(Image.new("RGB", (16, 16)), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


def tiff_with_tags(tags: Iterable[tuple[int, int, int, int]], data: bytes, packed: bool) -> bytes:
    """A page of 16 x 16 pixels with other tags, then `data`.

    tags: number, type, count and the value, or where the values lie, counted from `data`.
    """
    rows = bytes([9]) * 256
    rows, packing = (zlib.compress(rows), 8) if packed else (rows, 1)
    tags = sorted(tags)
    given = {tag for tag, *_ in tags}
    page = {256: 16, 257: 16, 258: 8, 259: packing, 262: 1, 273: 0, 277: 1, 278: 16, 279: len(rows)}
    page = {tag: value for tag, value in page.items() if tag not in given}
    start = 8 + 2 + 12 * (len(page) + len(tags)) + 4
    if 273 in page:
        page[273] = start
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, page[tag]) for tag in sorted(page))
    for tag, kind, count, value in tags:
        far = count * {1: 1, 2: 1, 3: 2, 5: 8, 7: 1, 11: 4, 12: 8}.get(kind, 4) > 4
        entries += struct.pack("<HHII", tag, kind, count, value + far * (start + len(rows)))
    head = struct.pack("<HIH", 42, 8, len(page) + len(tags))
    return b"II" + head + entries + bytes(4) + rows + data


def tiff_beside(tag: int, directory: int | bytes) -> bytes:
    """A page that names a directory beside it: one that is there, or only a place."""
    tags = {256: [1], 257: [1], 258: [8], 262: [1], 278: [1], 279: [1], tag: [0]}
    start = len(tiff_of(tags, [b"\0\0"]))
    tags[tag] = [directory if isinstance(directory, int) else start]
    return tiff_of(tags, [b"\0\0"]) + (b"" if isinstance(directory, int) else directory)


def _tiff_with_directory(rationals: int) -> bytes:
    """A page whose Exif data is a directory of its own, with a tag of so many fractions."""
    start = len(tiff_beside(34665, 0))
    directory = struct.pack("<HHHIII", 1, 33434, 5, rationals, start + 18, 0)
    return tiff_beside(34665, directory + struct.pack("<II", 3, 7) * rationals)


def _tiff_with_nested_directory(rationals: int) -> bytes:
    """The directory is named inside that of the Exif data, and each by a tag of two values."""
    tags = {256: [1], 257: [1], 258: [8], 262: [1], 278: [1], 279: [1], 34665: [0, 0], 40965: [0]}
    start = len(tiff_of(tags, [b"\0\0"]))
    tags[34665] = [start, 0]
    outer = struct.pack("<HHHIII", 1, 40965, 4, 2, start + 18, 0)
    outer += struct.pack("<II", start + 26, 0)
    inner = struct.pack("<HHHIII", 1, 33434, 5, rationals, start + 44, 0)
    return tiff_of(tags, [b"\0\0"]) + outer + inner + struct.pack("<II", 3, 7) * rationals


def _tiff_that_is_its_own_directory(rationals: int) -> bytes:
    """Its Exif data is said to lie at its very start, whose bytes make a directory too."""
    # Read from 0 on, "II" is how many entries follow; the first whole one lies at 14.
    fraction = struct.pack("<HHII", 33434, 5, rationals, 300)
    tags = {256: 1, 257: 1, 258: 8, 262: 1, 273: 8, 278: 1, 279: 1, 34665: 0}
    page = struct.pack("<H", len(tags))
    page += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = struct.pack("<HI", 42, 26)
    data = b"II" + head + bytes(6) + fraction + page + bytes(4)
    return data.ljust(300, b"\0") + struct.pack("<II", 3, 7) * rationals


BOMBS: dict[str, tuple[Callable[[], bytes], int]] = {
    "PNG of 60,000 x 60,000": (
        lambda: png_of([_png_head(60_000, 60_000), (b"IDAT", zeros_packed(9 * _MIB)), _END]), 413),
    "PNG of one endless row": (
        lambda: png_of([_png_head(2**31 - 1, 1), _SMALL_ROWS, _END]), 413),
    "PNG of 50,000,000 x 1": (
        lambda: png_of([_png_head(50_000_000, 1), (b"IDAT", zeros_packed(50_000_001)), _END]), 413),
    "PNG of 1 x 50,000,000": (
        lambda: png_of([_png_head(1, 50_000_000), (b"IDAT", zeros_packed(10**8)), _END]), 413),
    "PNG of 300 packed colour profiles": (
        lambda: _small_png([(b"iCCP", b"a\0\0" + zeros_packed(_MIB))] * 300), 400),
    "PNG of 300 packed notes": (
        lambda: _small_png([(b"zTXt", b"\0\0" + zeros_packed(_MIB))] * 300), 400),
    "PNG of one large packed note": (
        lambda: _small_png([(b"zTXt", b"a\0\0" + zeros_packed(99 * _MIB))]), 200),
    "PNG of one large packed international note": (
        lambda: _small_png([(b"iTXt", b"a\0\1\0\0\0" + zeros_packed(99 * _MIB))]), 200),
    "PNG of one large colour profile": (
        lambda: _small_png([(b"iCCP", b"a\0\0" + zeros_packed(99 * _MIB))]), 200),
    "PNG of 300 empty international notes": (
        lambda: _small_png([(b"iTXt", b"a\0\0\0\0\0")] * 300), 400),
    "PNG of 90,000 plain notes": (
        lambda: _small_png((b"tEXt", b"%d\0" % at + bytes(200)) for at in range(90_000)), 200),
    "PNG of a million plain notes": (lambda: _small_png([(b"tEXt", b"a\0b")] * 1_000_000), 400),
    "PNG of a million empty chunks": (lambda: _small_png([(b"abCd", b"")] * 1_000_000), 400),
    "PNG of a million empty pieces of pixels": (
        lambda: _small_png([(b"IDAT", b"")] * 1_000_000), 400),
    "PNG of two million fractions in its Exif data": (
        lambda: _small_png([(b"eXIf", exif_of(2_000_000))]), 400),
    "PNG of Exif data whose tags hold the same bytes": (
        lambda: _small_png([(b"eXIf", shared_exif(5000, 7, 200_000, 200_000))]), 200),
    "PNG of four thousand million frames": (lambda: _moving_png(2**31), 200),
    "TIFF of 60,000 x 60,000": (
        lambda: tiff_of({256: [60_000], 257: [60_000], 258: [8], 262: [1]}, [bytes(64)]), 413),
    "TIFF of a tile of 20,000 x 20,000": (
        lambda: _tiled(1, 1, (20_000, 20_000), 1, zeros_packed(20_000**2)), 413),
    "TIFF of many large tiles beside a line": (
        lambda: _tiled(1, 900_000, (16_384, 16_384), 55, zeros_packed(16_384**2)), 413),
    "TIFF of five million strips of the same bytes": (
        lambda: tiff_of({256: [1], 257: [5_000_000], 258: [8], 262: [1], 278: [1]},
                        [b""] * 5_000_000) + b"\0", 400),
    "TIFF of 300,000 strips of the same bytes": (
        lambda: tiff_of({256: [1], 257: [300_000], 258: [8], 262: [1], 278: [1]},
                        [b""] * 300_000) + b"\0", 400),
    "TIFF of two million fractions beside the page": (
        lambda: _tiff_with_directory(2_000_000), 200),
    "TIFF of two million fractions beside what is beside the page": (
        lambda: _tiff_with_nested_directory(2_000_000), 200),
    "TIFF that is the directory beside its page": (
        lambda: _tiff_that_is_its_own_directory(2_000_000), 200),
    "TIFF of two million fractions of an inch": (
        lambda: tiff_with_tags([(282, 5, 2_000_000, 0)], bytes(16_000_000), packed=False), 400),
    **{f"TIFF of {what} places of strips": (
        partial(
            tiff_with_tags, [(273, kind, 10_000_000, 0), (278, 4, 1, 1)], bytes(10_000_000), False
        ), 400)
        for what, kind in (("bytes as", 1), ("letters as", 2), ("signed bytes as", 6))},
    "TIFF of signed bytes as XMP": (
        lambda: tiff_with_tags([(700, 6, 19_000_000, 0)], bytes(19_000_000), packed=True), 400),
    "TIFF of 4000 tags of the same bytes": (
        lambda: tiff_with_tags(
            [(40_000 + at, 7, 4 * _MIB, 0) for at in range(4000)], bytes(4 * _MIB), packed=True
        ), 400),
    "TIFF of 4000 tags of the same fractions": (
        lambda: tiff_with_tags(
            [(40_000 + at, 5, _MIB, 0) for at in range(4000)], bytes(8 * _MIB), packed=False
        ), 400),
    "TIFF of five million private numbers": (
        lambda: tiff_with_tags([(65_000, 3, 5_000_000, 0)], bytes(10_000_000), packed=True), 200),
    "TIFF of 100,000 pages": (lambda: _pages(100_000), 200),
    "TIFF that leads back to itself": (_looping_tiff, 200),
    "WebP of 16,383 x 16,383": (
        lambda: webp_of([(b"VP8L", b"\x2f" + (16_382 | 16_382 << 14).to_bytes(4, "little"))]), 413),
    "WebP of a canvas of 16,000,000 x 16,000,000": (lambda: _moving_webp(16_000_000, 2), 413),
    "WebP of a canvas of 16,384 x 16,384": (lambda: _moving_webp(16_384, 2), 413),
    "WebP of 100,000 frames": (lambda: _moving_webp(16, 100_000), 200),
    "BMP of 60,000 x 60,000": (lambda: bmp_file(60_000, 60_000, b""), 413),
    "BMP of 60,000 x -60,000": (lambda: bmp_file(60_000, -60_000, b""), 413),
    "BMP of runs that stand still": (
        lambda: bmp_file(7000, 7000, b"\0\0" * _MIB, 8, 1, bytes(1024)), 400),
    "JPEG of 65,500 x 65,500": (_large_jpeg, 413),
    "JPEG of 200,000 scans": (lambda: jpeg_with_scans(7000, 7000, 200_000), 400),
    "JPEG of a million empty segments": (lambda: _jpeg_with(b"\xff\xe5\0\x02", 1_000_000), 400),
    "JPEG of a million pieces of Exif data": (
        lambda: _jpeg_with(b"\xff\xe1\0\x12Exif\0\0" + bytes(10), 1_000_000), 400),
    "JPEG of an index of pictures whose tags hold the same fractions": (
        lambda: _jpeg_with(
            b"\xff\xe2" + struct.pack(">H", 62_820) + b"MPF\0" + shared_exif(4900, 5, 500, 4000), 1
        ), 200),
    "JPEG of frames of very many channels": (
        lambda: _jpeg_with(
            b"\xff\xc0\xff\xfe\x08\0\x10\0\x10\x01" + bytes(65_526), 319), 400),
    **{f"JPEG of Exif data hidden behind marker {marker:X}": (
        partial(jpeg_hiding, marker, b"\xff\xe1\0\x09Exif\0\0\0", 300), 400)
        for marker in (0xC8, 0xF0, 0xF7, 0xF8, 0xFD)},
    **{f"JPEG of segments hidden behind marker {marker:X}": (
        partial(jpeg_hiding, marker, b"\xff\xe5\0\x02", 300), 400)
        for marker in (0xC8, 0xF0, 0xF7, 0xF8, 0xFD)},
    "GIF of 65,535 x 65,535": (lambda: _gif(65_535, 1), 415),
    "GIF of 100,000 frames": (lambda: _gif(16, 100_000), 415),
}  # fmt: skip
"""By name: what makes it, and the status that is right for it under the service's own limits."""
