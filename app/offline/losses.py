"""The loss that trains linear heads: focal plus dice, on upsampled planes (Eq. 14-15).

Pure tensor functions; know nothing of heads, images or training loops.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_GAMMA = 2.0
_SMOOTHING = 1e-5  # keeps the targets off 0 and 1, and the logarithm off 0
_DICE_EPSILON = 1.0


def segmentation_loss(planes: Sequence[Tensor], masks: Tensor) -> Tensor:
    """Focal plus dice loss summed over stages -> scalar.

    planes: K x [B,2,S,S] probabilities (normal, abnormal), see `maps.head_planes`;
    masks [B,S,S]: 1 where abnormal, else 0.
    """
    return torch.stack(
        [focal_loss(plane, masks) + dice_loss(plane[:, 1], masks) for plane in planes]
    ).sum()


def focal_loss(plane: Tensor, masks: Tensor) -> Tensor:
    """-(1 - p)^2 log p of the target's probability p, mean over pixels; both classes count alike.

    Eq. 14 read literally with alpha = 1 would drop the normal pixels' term; it is kept here, as
    the released implementation keeps it.
    """
    target = F.one_hot(masks.long(), 2).movedim(-1, 1).to(plane.dtype)
    target = target.clamp(_SMOOTHING, 1 - _SMOOTHING)
    p = (target * plane).sum(1) + _SMOOTHING
    return (-((1 - p) ** _GAMMA) * p.log()).mean()


def dice_loss(abnormal: Tensor, masks: Tensor) -> Tensor:
    """1 - (2 sum(p g) + 1) / (sum p + sum g + 1) of each image, mean over images."""
    p, g = abnormal.flatten(1), masks.to(abnormal.dtype).flatten(1)
    overlap = 2 * (p * g).sum(1) + _DICE_EPSILON
    return (1 - overlap / (p.sum(1) + g.sum(1) + _DICE_EPSILON)).mean()
