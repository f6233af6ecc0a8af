"""Staged dual-path: a second, V-V-attention path read beside a frozen tower (Eq. 4-11).

Reads a stock open_clip tower's own modules; nothing is patched and `forward` changes no state.
Per layer, from the original path's input x, with y = ln_1(x) and q, k, v = qkv(y):

    original   x' = x + out_proj(attn(q, k, v));  x' = x' + mlp(ln_2(x'))
    surgery    d  = out_proj(attn(v, v, v));      s = d at a stage's first layer, else s + d

Knows nothing of texts, maps, preprocessing or devices. ResNets: see `resnet.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from app.clipad.attention import attend, feed_forward, is_plain, project_qkv
from app.clipad.choices import Taps
from app.errors import BackboneError

STAGE_COUNT = 4


@dataclass(frozen=True)
class StageTokens:
    """Tokens of K stages; class token first.

    surgery: K x [B,1+P,D] after the final norm and projection, the class token taken from the
    original path. original: K x [B,1+P,W] before the final norm. Empty if not asked for.
    """

    surgery: tuple[Tensor, ...]
    original: tuple[Tensor, ...]


def select_stages(stages: Sequence[int] | None, count: int) -> tuple[int, ...]:
    """Check a choice of stages, numbered from 1; None means all `count` of them."""
    chosen = tuple(range(1, count + 1)) if stages is None else tuple(sorted(set(stages)))
    if not chosen or chosen[0] < 1 or chosen[-1] > count:
        raise BackboneError(f"stages {stages}: expected a choice from 1 to {count}")
    return chosen


class StagedDualPath(nn.Module):
    """SDP's two paths through an open_clip VisionTransformer of L layers and width W.

    `stages` selects from the four (numbered from 1); stages not selected cost no surgery, and
    layers behind the last selected one are not run. `spans` replaces the four stages by others:
    (first layer, one past the last) each, in order, not overlapping. Raises BackboneError for a
    tower the method does not fit.
    """

    def __init__(
        self,
        visual: VisionTransformer,
        taps: Taps | str = Taps.EQUATION,
        stages: Sequence[int] | None = None,
        spans: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        super().__init__()
        blocks = _residual_blocks(visual)
        self.visual = visual
        self.taps = Taps(taps)
        every = _equal_spans(len(blocks)) if spans is None else _checked(spans, len(blocks))
        self.stages = select_stages(stages, len(every))
        self._spans = tuple(every[stage - 1] for stage in self.stages)
        self.stage_ends = tuple(end for _, end in self._spans)
        self._blocks = blocks

    @property
    def widths(self) -> tuple[int, ...]:
        """W of each selected stage's tokens: what linear heads read."""
        return (int(self.visual.conv1.out_channels),) * len(self.stages)

    @property
    def grid(self) -> int:
        """g: patches along one side of the image."""
        return int(self.visual.grid_size[0])

    @property
    def patch(self) -> int:
        """Side of one patch in pixels."""
        return int(self.visual.patch_size[0])

    def forward(
        self, images: Tensor, *, original: bool = True, surgery: bool = True
    ) -> StageTokens:
        """Preprocessed images [B,3,S,S] of the tower's dtype -> StageTokens; see `run`."""
        return self.run(self.embed(images), original=original, surgery=surgery)

    def embed(self, images: Tensor) -> Tensor:
        """Images [B,3,S,S] -> the first layer's input tokens [B,1+P,W]."""
        return cast(Tensor, self.visual._embeds(images))

    @staticmethod
    def patches(original: Sequence[Tensor]) -> list[Tensor]:
        """What linear heads read of `StageTokens.original`: K x [B,P,W], no class token."""
        return [tokens[:, 1:] for tokens in original]

    def run(self, tokens: Tensor, *, original: bool = True, surgery: bool = True) -> StageTokens:
        """Input tokens [B,1+N,W], class token first, N any subset of the patches -> StageTokens.

        With `original=False` the original path's tokens are left out, and the last layer needs it
        for the class token alone (SDP without heads): the surgery tokens are the same. With
        `surgery=False` the surgery path is not run (features for training heads).
        """
        last_end = self._spans[-1][1]
        spans = dict(self._spans)
        ends = set(self.stage_ends)
        x, end, s, leak = tokens, 0, tokens, False
        surgeries: list[Tensor] = []
        sources: list[Tensor] = []  # the original path's tokens at each stage's end
        for index, block in enumerate(self._blocks):
            if index == last_end and not leak:
                break
            query, key, value = project_qkv(block, x)
            class_only = index + 1 == last_end and not original and not self._leaks(last_end)
            residual = attend(block, query[:, :, :1] if class_only else query, key, value)
            if leak:
                sources[-1] = sources[-1] + residual
                if index == last_end:
                    break
            end = spans.get(index, end)
            if surgery and index < end:
                d = attend(block, value[:, :, 1:], value, value)
                s = d if index in spans else s + d
            x = (x[:, :1] if class_only else x) + residual
            x = feed_forward(block, x)
            leak = index + 1 in ends and self._leaks(index + 1)
            if index + 1 in ends:
                surgeries.append(s)
                sources.append(x)
        return StageTokens(
            tuple(
                self.project(torch.cat([source[:, :1], patches], dim=1))
                for source, patches in zip(sources, surgeries, strict=True)
            )
            if surgery
            else (),
            tuple(sources) if original else (),
        )

    def project(self, tokens: Tensor) -> Tensor:
        """Final norm and projection of tokens [...,W] -> [...,D]."""
        return cast(Tensor, self.visual.ln_post(tokens) @ self.visual.proj)

    def _leaks(self, end: int) -> bool:
        """Whether a stage ending before layer `end` also shows that layer's attention residual."""
        return self.taps is Taps.RELEASED and end < len(self._blocks)


def _equal_spans(layers: int) -> tuple[tuple[int, int], ...]:
    size = layers // STAGE_COUNT
    return tuple((stage * size, (stage + 1) * size) for stage in range(STAGE_COUNT))


def _checked(spans: Sequence[tuple[int, int]], layers: int) -> tuple[tuple[int, int], ...]:
    edges = [edge for span in spans for edge in span]
    rising = all(first < end for first, end in spans) and edges == sorted(edges)
    if not spans or not rising or edges[0] < 0 or edges[-1] > layers:
        raise BackboneError(f"spans {spans}: expected rising ranges within 0 to {layers}")
    return tuple(spans)


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
