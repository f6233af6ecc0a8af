"""One residual attention block of CLIP, taken apart: projections and attention by themselves.

The two-path image encoder and the text encoder both read stock open_clip blocks through these
functions. Knows nothing of stages, masks' reasons or where tokens come from.
"""

from typing import cast

import torch.nn.functional as F
from open_clip.transformer import ResidualAttentionBlock
from torch import Tensor, nn


def is_plain(block: nn.Module) -> bool:
    """Whether a block is CLIP's own kind, which the functions below can read."""
    return isinstance(block, ResidualAttentionBlock) and isinstance(
        block.attn, nn.MultiheadAttention
    )


def project_qkv(block: ResidualAttentionBlock, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens [B,N,W] -> query, key, value of ln_1(x), each [B,heads,N,W/heads]."""
    attention = block.attn
    projected = F.linear(block.ln_1(x), attention.in_proj_weight, attention.in_proj_bias)
    batch, length, width = x.shape
    shape = (batch, length, 3, attention.num_heads, width // attention.num_heads)
    query, key, value = projected.reshape(shape).permute(2, 0, 3, 1, 4).unbind(0)
    return query, key, value


def attend(
    block: ResidualAttentionBlock,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    """Multi-head attention and output projection: queries of M tokens -> residual [B,M,W].

    mask: additive, broadcastable to [B,heads,M,N]; None lets every query see every key.
    """
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return cast(Tensor, block.ls_1(block.attn.out_proj(mixed.transpose(1, 2).flatten(2))))


def feed_forward(block: ResidualAttentionBlock, x: Tensor) -> Tensor:
    """The block's second half: x + mlp(ln_2(x)), token by token."""
    return cast(Tensor, x + block.ls_2(block.mlp(block.ln_2(x))))
