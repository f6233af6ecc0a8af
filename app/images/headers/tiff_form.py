"""The form of a TIFF file's pixels: which ones are known to decode right, and the names of others.

Of the many ways to store pixels that a header can speak of, Pillow decodes some to garbage. What
is allowed here was compared, form by form, with pixels computed from the raw samples
(`tests/images/test_tiff_forms.py`); everything else is refused by its name. Decodes nothing.
"""

from dataclasses import dataclass

from app.errors import ImageDecodeError, ImageFormatError
from app.images.headers.tiff import TiffPage
from app.images.headers.tiff_names import (
    COMPRESSIONS,
    MEANINGS,
    NUMBERS,
    OTHER_COMPRESSIONS,
    OTHER_MEANINGS,
)

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
UNSIGNED, SIGNED, FLOAT, UNTOLD = 1, 2, 3, 4  # how the bits of a sample make a number
_TOGETHER, _APART = 1, 2  # the channels of a pixel
_JPEG, _FAX = 7, (2, 3, 4)
_PREDICTED = (5, 8, 32946, 34925, 50000)  # compressions that a predictor may come before
_NO_ALPHA, _PREMULTIPLIED, _ALPHA = 0, 1, 2  # what a further sample means

_CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}

# By meaning and bits, further samples that are read where the channels of a pixel stand together.
_FURTHER = {
    (BLACK_IS_ZERO, 8): ((_NO_ALPHA,), (_PREMULTIPLIED,), (_ALPHA,)),
    (RGB, 8): tuple(
        first + (_NO_ALPHA,) * count
        for first in ((_NO_ALPHA,), (_PREMULTIPLIED,), (_ALPHA,))
        for count in range(3)
    ),
    (RGB, 16): ((_NO_ALPHA,), (_PREMULTIPLIED,), (_ALPHA,)),
    (PALETTE, 8): ((_NO_ALPHA,), (_ALPHA,)),
    (CMYK, 8): ((_NO_ALPHA,), (_NO_ALPHA, _NO_ALPHA)),
}
_MOST_SAMPLES = 6  # that Pillow reads
_FULL_RANGES = frozenset((1 << bits) - 1 for bits in range(9, 16))


@dataclass(frozen=True)
class TiffForm:
    """How a page's pixels are stored.

    bits: of a sample; sample_format: how they make a number; further: what samples beyond the
    colours mean, () also where the file does not say; apart: whether each channel is by itself.
    """

    photometric: int
    bits: int
    sample_format: int
    samples: int
    further: tuple[int, ...]
    apart: bool
    compression: int
    predictor: int
    fill_order: int

    @property
    def untold_alpha(self) -> bool:
        """Whether there is a sample beyond the colours of which the file does not say a word."""
        return self.samples > _CHANNELS[self.photometric] and not self.further

    @property
    def in_bytes(self) -> bool:
        """Whether samples have a number of bits that only this project unpacks."""
        grey = self.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO)
        whole = (1, 2, 4, 8, 16) if grey else (8, 16)
        coloured = grey or self.photometric == RGB
        return self.sample_format == UNSIGNED and coloured and self.bits not in (*whole, 32)

    @property
    def has_range(self) -> bool:
        """Whether it is certain which number is white."""
        return self.sample_format != SIGNED and (self.sample_format == FLOAT or self.bits <= 16)

    def __str__(self) -> str:
        colours = MEANINGS[self.photometric]
        number = NUMBERS.get(self.sample_format, f"format {self.sample_format}")
        parts = [f"{colours} of {self.bits}-bit {number}", f"{self.samples} to a pixel"]
        if self.further:
            parts.append(f"of them alpha or others {self.further}")
        parts += ["each channel by itself"] * self.apart
        parts.append(f"compression {COMPRESSIONS[self.compression]}")
        if self.predictor != 1:
            parts.append(f"predictor {self.predictor}")
        if self.fill_order != 1:
            parts.append(f"fill order {self.fill_order}")
        return ", ".join(parts)


def form_of(page: TiffPage) -> TiffForm:
    """The form of a page's pixels, if they are known to decode right.

    Raises ImageFormatError, which names what is not supported, or ImageDecodeError for a page that
    contradicts itself.
    """
    photometric = page.values.get(262)
    if photometric not in MEANINGS:
        raise _refused(
            "no photometric interpretation (tag 262)"
            if photometric is None
            else f"photometric interpretation {_named(photometric, OTHER_MEANINGS)}",
            "grey, RGB, palette, CMYK or YCbCr",
        )
    compression = page.values.get(259, 1)
    if compression not in COMPRESSIONS:
        raise _refused(
            f"compression {_named(compression, OTHER_COMPRESSIONS)}",
            "none, LZW, Deflate, PackBits, CCITT, JPEG, LZMA or Zstandard",
        )
    samples = page.values.get(277, 1)
    bits = _same(page, 258, 1, samples)
    sample_format = _same(page, 339, UNSIGNED, samples)
    form = TiffForm(
        photometric,
        bits,
        # The specification lets readers take samples of which nothing is known for unsigned.
        UNSIGNED if sample_format == UNTOLD else sample_format,
        samples,
        page.kept.get(338, ()),
        page.values.get(284, _TOGETHER) == _APART and samples > 1,
        compression,
        page.values.get(317, 1),
        page.values.get(266, 1),
    )
    _check_ranges(page, form)
    if not (_depth_is_known(form) and _samples_are_known(form) and _packing_is_known(page, form)):
        raise _refused(str(form), "a form that is known to decode right")
    if photometric == PALETTE and page.counts.get(320) != 3 << bits:
        raise ImageDecodeError(
            f"TIFF image has {page.counts.get(320, 0)} numbers in its colour map: "
            f"expected {3 << bits} for {bits} bits a sample"
        )
    return form


def _check_ranges(page: TiffPage, form: TiffForm) -> None:
    number = NUMBERS.get(form.sample_format, f"format {form.sample_format}")
    if form.sample_format not in (UNSIGNED, SIGNED, FLOAT) or form.bits > 32:
        raise _refused(
            f"samples of {form.bits}-bit {number}",
            "unsigned integers of 1 to 16 bits, or floats of 32",
        )
    top = page.values.get(281)
    # Of the largest sample that occurs, as the tag has it, that would be a rare chance.
    if (form.sample_format, form.bits) == (UNSIGNED, 16) and top in _FULL_RANGES:
        raise _refused(
            f"samples of {top.bit_length()} bits in 16 (its MaxSampleValue is {top})",
            "samples of the full range of 16 bits",
        )


def _depth_is_known(form: TiffForm) -> bool:
    photometric, bits = form.photometric, form.bits
    grey = photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO)
    if form.sample_format == FLOAT:
        return grey and bits == 32
    if form.sample_format == SIGNED or bits == 32:  # a mask may have them
        return photometric == BLACK_IS_ZERO and form.samples == 1 and bits in (8, 16, 32)
    if photometric == PALETTE:
        return bits in (1, 2, 4, 8)
    if photometric == CMYK:
        return bits in (8, 16)
    if photometric == YCBCR:
        return bits == 8
    if form.in_bytes:
        return 1 <= bits < 16 and form.samples == _CHANNELS[photometric] and not form.apart
    return True


def _samples_are_known(form: TiffForm) -> bool:
    further, channels = form.further, _CHANNELS[form.photometric]
    if form.samples > _MOST_SAMPLES or form.samples - channels != len(further):
        # Without a word a fourth sample is mostly alpha; whether it matters is seen when decoded.
        untold = (form.photometric, form.samples, further) == (RGB, 4, ())
        return untold and form.bits in (8, 16) and not form.apart
    if not further:
        return True
    if form.sample_format == SIGNED or form.photometric == YCBCR:
        return False
    if not form.apart:
        return further in _FURTHER.get((form.photometric, form.bits), ())
    if not any(further):
        return True
    return form.photometric == RGB and further in ((_PREMULTIPLIED,), (_ALPHA,))


def _packing_is_known(page: TiffPage, form: TiffForm) -> bool:
    photometric, bits = form.photometric, form.bits
    if form.fill_order != 1:
        small = form.fill_order == 2 and bits <= 8 and photometric <= PALETTE
        if not small or form.further or form.untold_alpha or form.compression == _JPEG:
            return False
    if form.predictor != 1:
        if form.compression not in _PREDICTED or form.in_bytes or photometric == YCBCR:
            return False
        if not (form.predictor == 2 and bits in (8, 16) and form.sample_format == UNSIGNED):
            return form.predictor == 3 and form.sample_format == FLOAT
    if form.compression in _FAX:
        return bits == 1 and form.samples == 1 and photometric <= BLACK_IS_ZERO
    if form.compression == _JPEG:
        return bits == 8 and not form.further and not form.untold_alpha and photometric != PALETTE
    if photometric == CMYK:
        return page.values.get(332, 1) == 1  # whose inks are others is no CMYK
    if photometric == YCBCR and form.apart:
        return page.kept.get(530) == (1, 1)
    return True


def _same(page: TiffPage, tag: int, usual: int, samples: int) -> int:
    """What a tag says of each sample, in one number."""
    values = page.kept.get(tag, (usual,))
    if len(set(values)) > 1 or 1 < len(values) < samples:
        what = "bits a sample" if tag == 258 else "sample formats"
        raise _refused(f"{what} {values} of {samples}", "the same for each")
    return values[0]


def _named(number: int, names: dict[int, str]) -> str:
    return f"{number} ({names[number]})" if number in names else str(number)


def _refused(what: str, expected: str) -> ImageFormatError:
    return ImageFormatError(f"TIFF image has {what}, which is not supported: expected {expected}")
