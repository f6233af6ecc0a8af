"""SDP on CLIP's ResNets: surgery in the attention pool alone (Table 8).

The pool's patches attend by k = q = v/|v| per head, at 8 times its usual scale; SDP has this one
stage. Linear heads read the outputs of the four layers. Same results as `sdp.StagedDualPath`,
but `original` holds K x [B,P_j,W_j] maps of different sizes and without a class token.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from open_clip.modified_resnet import AttentionPool2d, ModifiedResNet
from torch import Tensor, nn

from app.clipad.choices import Taps
from app.clipad.sdp import StageTokens, select_stages
from app.errors import BackboneError

SURGERY_SCALE = 8.0
"""Sharpens attention between unit value vectors, which spread it too evenly otherwise."""


_STRIDE = 32  # of every CLIP ResNet: the stem halves twice, layers 2 to 4 once each


class ResNetDualPath(nn.Module):
    """SDP's attention-pool surgery on an open_clip ModifiedResNet.

    taps `equation` leaves the class token's attention as trained; `released` feeds it the values
    as queries and keys. `stages` selects which layer outputs (1-4) are delivered as `original`;
    the surgery has one stage, whatever is selected. Raises BackboneError for another tower.
    """

    def __init__(
        self,
        visual: ModifiedResNet,
        taps: Taps | str = Taps.EQUATION,
        stages: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(visual, ModifiedResNet):
            raise BackboneError(
                f"image tower {type(visual).__name__}: expected open_clip's ModifiedResNet"
            )
        self.visual = visual
        self.taps = Taps(taps)
        self.stages = select_stages(stages, 4)

    @property
    def grid(self) -> int:
        """g: side of the last layer's map, the grid of the surgery's patches."""
        pool = cast(AttentionPool2d, self.visual.attnpool)
        grid: int = round((pool.positional_embedding.shape[0] - 1) ** 0.5)
        return grid

    @property
    def patch(self) -> int:
        """Pixels of the image to one step of that grid."""
        return _STRIDE

    @property
    def widths(self) -> tuple[int, ...]:
        """W_j of each selected layer's output: what linear heads read."""
        layers = (self.visual.layer1, self.visual.layer2, self.visual.layer3, self.visual.layer4)
        return tuple(int(layers[stage - 1][-1].bn3.num_features) for stage in self.stages)

    @property
    def stage_ends(self) -> tuple[int, ...]:
        """The layers that the selected stages end with, from 1."""
        return self.stages

    @staticmethod
    def patches(original: Sequence[Tensor]) -> list[Tensor]:
        """What linear heads read of `StageTokens.original`: K x [B,P_j,W_j], all of it."""
        return list(original)

    def forward(
        self, images: Tensor, *, original: bool = True, surgery: bool = True
    ) -> StageTokens:
        """Images [B,3,S,S] -> surgery 1 x [B,1+P,D]; original K x [B,P_j,W_j], row-major."""
        x = self.visual.stem(images)
        layers = []
        for layer in (
            self.visual.layer1,
            self.visual.layer2,
            self.visual.layer3,
            self.visual.layer4,
        ):
            x = layer(x)
            layers.append(x)
        chosen = (layers[stage - 1] for stage in self.stages) if original else ()
        return StageTokens(
            (self._pool(x),) if surgery else (),
            tuple(output.flatten(2).transpose(1, 2) for output in chosen),
        )

    def _pool(self, features: Tensor) -> Tensor:
        """The last layer's map [B,C,g,g] -> [B,1+P,D], class token by the pool's own attention."""
        pool = cast(AttentionPool2d, self.visual.attnpool)
        x = features.flatten(2).transpose(1, 2)
        x = torch.cat([x.mean(1, keepdim=True), x], dim=1)
        x = x + pool.positional_embedding.to(x.dtype)
        value = _split_heads(pool.v_proj(x), pool.num_heads)
        unit = F.normalize(value, dim=-1)
        scale = SURGERY_SCALE * value.shape[-1] ** -0.5
        patches = F.scaled_dot_product_attention(unit[:, :, 1:], unit, value, scale=scale)
        if self.taps is Taps.RELEASED:
            query, key = value[:, :, :1], value
        else:
            query = _split_heads(pool.q_proj(x[:, :1]), pool.num_heads)
            key = _split_heads(pool.k_proj(x), pool.num_heads)
        cls = F.scaled_dot_product_attention(query, key, value)
        mixed = torch.cat([cls, patches], dim=2).transpose(1, 2).flatten(2)
        return cast(Tensor, pool.c_proj(mixed))


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """[B,N,C] -> [B,heads,N,C/heads]."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)
