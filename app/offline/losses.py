"""The loss that trains linear heads: focal plus dice, on upsampled planes (Eq. 14-15).

Pure tensor functions; know nothing of heads, images or training loops.
"""

from typing import Any

import torch
from torch import Tensor

_GAMMA = 2
_SMOOTHING = 1e-5  # keeps the targets off 0 and 1, and the logarithm off 0
_DICE_EPSILON = 1.0


def segmentation_loss(planes: Tensor, masks: Tensor) -> Tensor:
    """Focal plus dice loss summed over stages -> scalar.

    planes [K,B,S,S]: abnormal probabilities, see `maps.head_planes`; masks [B,S,S]: 1 where
    abnormal, else 0.
    """
    if planes.requires_grad:
        loss: Tensor = _WithGradient.apply(planes, masks)
        return loss
    return len(planes) * (focal_loss(planes, masks) + dice_loss(planes, masks))


class _WithGradient(torch.autograd.Function):
    """The loss and its gradient in one pass, image by image.

    The same as letting autograd go through the two functions below, in half the time: what belongs
    to one image fits a core's cache, and nothing is kept but the gradient.
    """

    @staticmethod
    def forward(ctx: Any, planes: Tensor, masks: Tensor) -> Tensor:
        images, pixels = planes.shape[1], planes[0, 0].numel()
        gradient = torch.empty_like(planes)
        losses = []
        for image in range(images):
            abnormal, mask = planes[:, image], masks[image] > 0
            g = mask.to(planes.dtype)
            target = torch.where(mask, abnormal, 1 - abnormal)
            p = target.mul_(1 - 2 * _SMOOTHING).add_(2 * _SMOOTHING)
            log, rest = p.log(), 1 - p
            focal = -(rest * rest).mul_(log).sum() / pixels
            # d/dp of -(1-p)^2 log p, then through the target's sign.
            slope = log.mul_(2).sub_(rest / p).mul_(rest).mul_((1 - 2 * _SMOOTHING) / pixels)
            slope = torch.where(mask, slope, -slope)
            overlap = 2 * (abnormal * g).sum((-2, -1)) + _DICE_EPSILON
            total = abnormal.sum((-2, -1)) + g.sum() + _DICE_EPSILON
            dice = (1 - overlap / total).sum()
            # d/dp of -(2 p g + ...) / (p + ...), a quotient.
            slope.addcmul_(g, (-2 / total)[:, None, None])
            slope.add_((overlap / total**2)[:, None, None])
            torch.div(slope, images, out=gradient[:, image])
            losses.append(focal + dice)
        ctx.save_for_backward(gradient)
        return torch.stack(losses).mean()

    @staticmethod
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * factor, None


def focal_loss(abnormal: Tensor, masks: Tensor) -> Tensor:
    """-(1 - p)^2 log p of the target's probability p, mean over pixels; both classes count alike.

    abnormal [...,S,S], masks [...,S,S] broadcast to it. Eq. 14 read literally with alpha = 1 would
    drop the normal pixels' term; it is kept here, as the released implementation keeps it. Its
    one-hot targets are clamped to [e, 1 - e] and e is added to p: together p (1 - 2 e) + 2 e.
    """
    target = torch.where(masks > 0, abnormal, 1 - abnormal)
    p = target * (1 - 2 * _SMOOTHING) + 2 * _SMOOTHING
    return -((1 - p) ** _GAMMA * p.log()).mean()


def dice_loss(abnormal: Tensor, masks: Tensor) -> Tensor:
    """1 - (2 sum(p g) + 1) / (sum p + sum g + 1) of each image, mean over images (Eq. 15)."""
    p, g = abnormal.flatten(-2), masks.to(abnormal.dtype).flatten(-2)
    overlap = 2 * (p * g).sum(-1) + _DICE_EPSILON
    return (1 - overlap / (p.sum(-1) + g.sum(-1) + _DICE_EPSILON)).mean()
