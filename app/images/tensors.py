"""RGB picture -> tensor of the model's side.

What the model sees is the whole picture, resized straight to S x S: the aspect ratio is not kept
and nothing is cropped, since a defect may lie at the border. Knows nothing of files.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_tensor(image: Image.Image, side: int, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """RGB picture -> normalised float32 tensor [3,S,S].

    Bicubic with antialiasing straight to side x side, scaled to [0,1], then (x - mean) / std
    per channel.
    """
    resized = image.resize((side, side), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).to(torch.float32) / 255
    centre = torch.tensor(mean, dtype=torch.float32).view(3, 1, 1)
    spread = torch.tensor(std, dtype=torch.float32).view(3, 1, 1)
    return (pixels - centre) / spread


def fit_within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) scaled down, aspect ratio kept, so that no side exceeds `longest`."""
    width, height = size
    if max(size) <= longest:
        return size
    scale = longest / max(size)
    return max(1, round(width * scale)), max(1, round(height * scale))
