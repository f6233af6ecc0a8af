"""What raw samples show, computed by the definitions: to compare decoders with.

Slow and plain on purpose; shares nothing with the service's code, Pillow or libtiff.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
Shown = NDArray[np.int64]

CHANNELS = {0: 1, 1: 1, 2: 3, 3: 1, 4: 1, 5: 4, 6: 3, 8: 3, 9: 3, 32803: 1}
"""Samples for the colours of a pixel, by TIFF's photometric interpretation."""


def upper_eight(samples: Samples, bits: int, sample_format: int = 1) -> Shown:
    """Integers keep their upper 8 bits, fewer are spread over 0 to 255; floats times 255."""
    if sample_format == 3:
        return np.round(np.asarray(samples, np.float64) * 255).astype(np.int64)
    if bits >= 8:
        return np.asarray(samples, np.int64) >> (bits - 8)
    return np.round(np.asarray(samples) * 255 / ((1 << bits) - 1)).astype(np.int64)


def over_white(colours: Shown, alpha: Shown, premultiplied: bool = False) -> Shown:
    """Colours [H,W,3] and alpha [H,W,1], all of 0 to 255."""
    if premultiplied:
        return colours + 255 - alpha
    return np.round((colours * alpha + 255 * (255 - alpha)) / 255).astype(np.int64)


def tiff_shows(
    samples: Samples,
    photometric: int,
    bits: int,
    sample_format: int = 1,
    further: Sequence[int] = (),
    colours: Sequence[int] = (),
) -> Shown:
    """Samples [H,W,S] of a TIFF -> [H,W,3]. further: what samples beyond the colours mean.

    colours: the map, all reds first.
    """
    channels = CHANNELS[photometric]
    own = samples[..., :channels]
    if photometric == 3:
        table = np.array(colours).reshape(3, 1 << bits)
        table = table >> 8 if table.max() > 255 else table
        shown = np.stack([table[channel][own[..., 0]] for channel in range(3)], axis=-1)
    else:
        shown = _colours(upper_eight(own, bits, sample_format), photometric)
    for number, meaning in enumerate(further):
        if meaning in (1, 2):
            alpha = upper_eight(samples[..., channels + number, None], bits, sample_format)
            return over_white(shown, alpha, meaning == 1)
    return shown


def _colours(levels: Shown, photometric: int) -> Shown:
    if photometric == 0:
        levels = 255 - levels
    if photometric in (0, 1):
        return np.repeat(levels, 3, axis=-1)
    if photometric == 5:
        ink = (255 - levels[..., :3]) * (255 - levels[..., 3:]) / 255
        return np.round(ink).astype(np.int64)
    if photometric == 6:
        y, blue, red = (levels[..., channel].astype(float) for channel in range(3))
        blue, red = blue - 128, red - 128
        rgb = [y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue]
        return np.clip(np.round(np.stack(rgb, axis=-1)), 0, 255).astype(np.int64)
    return levels
