"""The canvas that a WebP file declares."""

import struct


def webp_canvas(data: bytes) -> tuple[int, int] | None:
    """(width, height) that a WebP file's header declares, or None.

    Its decoder takes memory for the whole canvas as soon as it is made.
    """
    first = data[12:16]
    if first == b"VP8X" and len(data) >= 30:
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
        )
    if first == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if first == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
