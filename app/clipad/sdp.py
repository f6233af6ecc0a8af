"""Staged dual-path: a second, V-V-attention path read beside a frozen tower (Eq. 4-11).

Reads a stock open_clip tower's own modules; nothing is patched and `forward` changes no state.
Per layer, from the original path's input x, with y = ln_1(x) and q, k, v = qkv(y):

    original   x' = x + out_proj(attn(q, k, v));  x' = x' + mlp(ln_2(x'))
    surgery    d  = out_proj(attn(v, v, v));      s = d at a stage's first layer, else s + d

Knows nothing of texts, maps, preprocessing or devices. ResNets: see `resnet.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import torch
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from app.clipad.attention import attend, feed_forward, is_plain, project_qkv
from app.errors import BackboneError

STAGE_COUNT = 4


class Taps(StrEnum):
    """Where stage outputs are taken from the original path.

    `equation`: block outputs, as Eq. 8-11 state them. `released`: what the released
    implementation delivers, for every stage but the tower's last: block output plus the next
    layer's attention residual. Heads trained with one do not fit the other.
    """

    EQUATION = "equation"
    RELEASED = "released"


@dataclass(frozen=True)
class StageTokens:
    """Tokens of K stages; class token first.

    surgery: K x [B,1+P,D] after the final norm and projection, the class token taken from the
    original path. original: K x [B,1+P,W] before the final norm; empty if it was not asked for.
    """

    surgery: tuple[Tensor, ...]
    original: tuple[Tensor, ...]


@dataclass(frozen=True)
class _Span:
    first: int  # first layer of the stage
    end: int  # one past its last layer


def select_stages(stages: Sequence[int] | None, count: int) -> tuple[int, ...]:
    """Check a choice of stages, numbered from 1; None means all `count` of them."""
    chosen = tuple(range(1, count + 1)) if stages is None else tuple(sorted(set(stages)))
    if not chosen or chosen[0] < 1 or chosen[-1] > count:
        raise BackboneError(f"stages {stages}: expected a choice from 1 to {count}")
    return chosen


class StagedDualPath(nn.Module):
    """SDP's two paths through an open_clip VisionTransformer of L layers and width W.

    `stages` selects from the four (numbered from 1); stages not selected cost no surgery, and
    layers behind the last selected one are not run. Raises BackboneError for a tower the method
    does not fit.
    """

    def __init__(
        self,
        visual: VisionTransformer,
        taps: Taps | str = Taps.EQUATION,
        stages: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        blocks = _residual_blocks(visual)
        self.visual = visual
        self.taps = Taps(taps)
        self.stages = select_stages(stages, STAGE_COUNT)
        size = len(blocks) // STAGE_COUNT
        self.stage_ends = tuple(stage * size for stage in self.stages)
        self._spans = tuple(_Span(end - size, end) for end in self.stage_ends)
        self._blocks = blocks

    @property
    def width(self) -> int:
        """W: width of the original path's tokens."""
        return int(self.visual.conv1.out_channels)

    @property
    def grid(self) -> int:
        """g: patches along one side of the image."""
        return int(self.visual.grid_size[0])

    @property
    def patch(self) -> int:
        """Side of one patch in pixels."""
        return int(self.visual.patch_size[0])

    def forward(self, images: Tensor, *, original: bool = True) -> StageTokens:
        """Preprocessed images [B,3,S,S] of the tower's dtype -> StageTokens; see `run`."""
        return self.run(self.embed(images), original=original)

    def embed(self, images: Tensor) -> Tensor:
        """Images [B,3,S,S] -> the first layer's input tokens [B,1+P,W]."""
        return cast(Tensor, self.visual._embeds(images))

    def run(self, tokens: Tensor, *, original: bool = True) -> StageTokens:
        """Input tokens [B,1+N,W], class token first, N any subset of the patches -> StageTokens.

        With `original=False` the original path's tokens are left out, and the last layer needs it
        for the class token alone (SDP without heads): the surgery tokens are the same.
        """
        last_end = self._spans[-1].end
        firsts = {span.first: span for span in self._spans}
        ends = {span.end for span in self._spans}
        x, span, s, leak = tokens, None, None, False
        surgery: list[Tensor] = []
        sources: list[Tensor] = []  # the original path's tokens at each stage's end
        for index, block in enumerate(self._blocks):
            if index == last_end and not leak:
                break
            span = firsts.get(index, span)
            query, key, value = project_qkv(block, x)
            class_only = index + 1 == last_end and not original and not self._leaks(last_end)
            residual = attend(block, query[:, :, :1] if class_only else query, key, value)
            if leak:
                sources[-1] = sources[-1] + residual
                if index == last_end:
                    break
            if span is not None and index < span.end:
                d = attend(block, value[:, :, 1:], value, value)
                s = d if index == span.first or s is None else s + d
            x = (x[:, :1] if class_only else x) + residual
            x = feed_forward(block, x)
            leak = index + 1 in ends and self._leaks(index + 1)
            if index + 1 in ends and s is not None:
                surgery.append(s)
                sources.append(x)
        return StageTokens(
            tuple(
                self._project(torch.cat([source[:, :1], patches], dim=1))
                for source, patches in zip(sources, surgery, strict=True)
            ),
            tuple(sources) if original else (),
        )

    def _leaks(self, end: int) -> bool:
        """Whether a stage ending before layer `end` also shows that layer's attention residual."""
        return self.taps is Taps.RELEASED and end < len(self._blocks)

    def _project(self, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.visual.ln_post(tokens) @ self.visual.proj)


def _residual_blocks(visual: VisionTransformer) -> tuple[ResidualAttentionBlock, ...]:
    if not isinstance(visual, VisionTransformer):
        raise BackboneError(
            f"image tower {type(visual).__name__}: expected open_clip's VisionTransformer"
        )
    blocks = tuple(visual.transformer.resblocks)
    if visual.attn_pool is not None or visual.pool_type != "tok" or visual.proj is None:
        raise BackboneError(
            f"image tower pools by {visual.pool_type!r}: expected a projected class token"
        )
    for block in blocks:
        if not is_plain(block):
            raise BackboneError(
                f"image tower block {type(block).__name__}: expected CLIP's ResidualAttentionBlock"
            )
    if not blocks or len(blocks) % STAGE_COUNT:
        raise BackboneError(f"image tower has {len(blocks)} layers: expected a multiple of 4")
    if visual.grid_size[0] != visual.grid_size[1]:
        raise BackboneError(f"image tower's patch grid {visual.grid_size}: expected a square")
    return blocks
