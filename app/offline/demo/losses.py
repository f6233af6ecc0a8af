"""What the demo backbone is trained to do; pure functions of tokens, texts and labels.

With c the class token, f a patch of the surgery path, T the two texts (all unit length):

    class     binary cross-entropy of 100 c.(Ta - Tn)          the logit behind the served score s
    rank      softplus(good logit - damaged logit)             each damaged crop above its twin
    map       binary cross-entropy of 200 M, M = sum of the four stage maps, and of each stage
    direct    the same for the last block's own patch tokens   feeds the path the class token reads
    contrast  image-text contrast over (kind, state), joint positives

Masks are given per patch as the damaged share of its area.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from app.clipad.maps import stage_map
from app.clipad.sdp import StageTokens

_SCALE = 100.0
_CONTRAST_SCALE = 30.0
_SMOOTHING = 0.02


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts; 0 leaves it out."""

    classes: float = 1.0
    rank: float = 0.5
    map: float = 2.0
    stages: float = 0.5
    direct: float = 1.0
    contrast: float = 0.1


CLASS_TOKEN_ALONE = LossWeights(map=0.0, stages=0.0, direct=0.0)
"""No patch is taught anything, as in CLIP's own training; masks serve as labels of whole crops."""


@dataclass(frozen=True)
class Losses:
    """Each term of one batch, unweighted scalars."""

    classes: Tensor
    rank: Tensor
    map: Tensor
    stages: Tensor
    direct: Tensor
    contrast: Tensor

    def total(self, weights: LossWeights) -> Tensor:
        """The weighted sum."""
        terms = [getattr(self, f.name) * getattr(weights, f.name) for f in fields(weights)]
        return torch.stack(terms).sum()


def losses(
    tokens: StageTokens, direct: Tensor, text: Tensor, cover: Tensor, kinds: Tensor
) -> Losses:
    """All terms for n pairs (good crops first, then their twins in the same order).

    tokens: of 2n crops. direct [2n,1+P,D]. text [2n,D,2]. cover [2n,g,g]. kinds [n]: the kind of
    each pair where the text names it, else -1 (left out of the contrast).
    """
    target = (2 * cover.flatten(1)).clamp(0, 1)
    area = cover.flatten(1).sum(1)
    damaged = area > 0.5
    certain = damaged | (area == 0)
    cls = F.normalize(tokens.surgery[-1][:, 0], dim=-1)
    logit = _SCALE * (cls[:, None] @ text).squeeze(1).diff(dim=-1).squeeze(-1)
    smooth = damaged.float() * (1 - 2 * _SMOOTHING) + _SMOOTHING
    classes = F.binary_cross_entropy_with_logits(logit[certain], smooth[certain])
    pairs = len(logit) // 2
    ranked = damaged[pairs:]
    gap = logit[pairs:] - logit[:pairs]
    rank = (F.softplus(-gap) * ranked).sum() / ranked.sum().clamp(min=1)
    stages = torch.stack([2 * _SCALE * stage_map(tokens, text) for tokens in tokens.surgery])
    patches = F.normalize(direct[:, 1:], dim=-1) @ text
    return Losses(
        classes=classes,
        rank=rank,
        map=_dense(stages.sum(0), target),
        stages=_dense(stages, target.expand_as(stages)),
        direct=_dense(_SCALE * (patches[..., 1] - patches[..., 0]), target),
        contrast=_contrast(cls, text, damaged, certain, kinds),
    )


def _dense(logits: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, target, pos_weight=torch.tensor(3.0))


def _contrast(cls: Tensor, text: Tensor, damaged: Tensor, certain: Tensor, kinds: Tensor) -> Tensor:
    """Cross-entropy of each image over the batch's (kind, state) texts, equal ones merged."""
    named = torch.unique(kinds[kinds >= 0])
    both = torch.cat([kinds, kinds])
    rows = certain & (both >= 0)
    if len(named) < 2 or not bool(rows.any()):
        return cls.sum() * 0
    first = torch.stack([(kinds == kind).nonzero()[0, 0] for kind in named])
    texts = text[first].transpose(1, 2).flatten(0, 1)
    target = 2 * torch.searchsorted(named, both[rows]) + damaged[rows].long()
    return F.cross_entropy(_CONTRAST_SCALE * cls[rows] @ texts.T, target)
