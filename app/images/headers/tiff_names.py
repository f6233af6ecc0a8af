"""Names of what the tags of a TIFF file say of its pixels."""

COMPRESSIONS = {
    1: "none", 2: "CCITT", 3: "CCITT fax 3", 4: "CCITT fax 4", 5: "LZW", 7: "JPEG",
    8: "Deflate", 32773: "PackBits", 32946: "Deflate", 34925: "LZMA", 50000: "Zstandard",
}  # fmt: skip
"""Of what is read, by tag 259."""

OTHER_COMPRESSIONS = {
    6: "old-style JPEG", 9: "JBIG", 10: "JBIG", 32766: "NeXT", 32771: "CCITT of 16-bit words",
    32809: "ThunderScan", 32895: "IT8", 32896: "IT8", 32897: "IT8", 32898: "IT8",
    32908: "Pixar film", 32909: "Pixar log", 32947: "DCS", 33003: "JPEG 2000", 33004: "JPEG 2000",
    33005: "JPEG 2000", 33007: "JPEG 2000", 34661: "JBIG", 34676: "SGI log", 34677: "SGI log",
    34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG", 34926: "Zstandard", 34927: "WebP",
    34933: "PNG", 34934: "JPEG XR", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
"""Of what is not read."""

MEANINGS = {
    0: "grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK",
    6: "YCbCr",
}  # fmt: skip
"""Of photometric interpretations that are read, by tag 262."""

OTHER_MEANINGS = {
    4: "a mask", 8: "CIELAB", 9: "ICCLAB", 10: "ITULAB", 32803: "a colour filter array",
    32844: "CIE log L", 32845: "CIE log Luv", 34892: "linear raw", 51177: "depth",
}  # fmt: skip
"""Of what is not read."""

NUMBERS = {
    1: "unsigned integers", 2: "signed integers", 3: "floats",
    5: "complex integers", 6: "complex floats",
}  # fmt: skip
"""How the bits of a sample make a number, by tag 339."""
