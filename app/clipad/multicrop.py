"""Ten crops of an enlarged image, for classification alone (paper, Sec. D).

Knows nothing of models or texts.
"""

import torch
from torch import Tensor

_ENLARGEMENT = 9 / 8  # 270 at S = 240


def enlarged_side(side: int) -> int:
    """Side to which an image is resized before it is cropped to `side`."""
    return round(side * _ENLARGEMENT)


def crop_ten(images: Tensor, side: int) -> list[Tensor]:
    """Images [B,3,E,E] -> ten [B,3,side,side]: corners, centre, and their mirror images."""
    last = images.shape[-1] - side
    middle = last // 2
    corners = [(0, 0), (0, last), (last, 0), (last, last), (middle, middle)]
    crops = [images[..., top : top + side, left : left + side] for top, left in corners]
    return [*crops, *(torch.flip(crop, dims=[-1]) for crop in crops)]
