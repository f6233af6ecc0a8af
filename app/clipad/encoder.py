"""CLIP's text tower over a list of prompts, on no more context than they need.

The tower is causal and pooled at the end-of-text token, so tokens behind it cannot matter: the
context is cut to the longest prompt of a batch, with the same result. Towers of another kind are
refused. Knows nothing of objects, states or caches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import cast

import torch
import torch.nn.functional as F
from open_clip.model import CustomTextCLIP
from open_clip.transformer import ResidualAttentionBlock, TextTransformer
from torch import Tensor, nn

from app.clipad.attention import attend, feed_forward, is_plain, project_qkv
from app.clipad.backbone import Backbone
from app.errors import BackboneError, ObjectNameError

_BATCH = 64
_TOKENIZER_CACHE_LIMIT = 50_000
_MARKERS = ("<start_of_text>", "<end_of_text>")


@dataclass(frozen=True)
class _Tower:
    """The parts of a text tower, wherever a model keeps them."""

    token_embedding: nn.Embedding
    positional_embedding: Tensor
    blocks: tuple[ResidualAttentionBlock, ...]
    ln_final: nn.Module
    projection: Tensor | nn.Linear | None
    causal_mask: Tensor
    dtype: torch.dtype
    pool: str
    eos: int


class TextEncoder:
    """Encodes prompts with a backbone's text tower. Raises BackboneError if it is not CLIP's."""

    def __init__(self, backbone: Backbone) -> None:
        self._tower = _text_tower(backbone)
        self._tokenizer = backbone.tokenizer
        self._context = int(backbone.model.context_length)
        self._device = backbone.device
        self._lock = Lock()  # the tokenizer's memory is shared by all threads

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> Tensor:
        """N prompts -> unit rows [N,D], float32 on the CPU.

        Raises ObjectNameError for a prompt longer than the context or with CLIP's own markers.
        """
        tokens = [self._tokenize(prompt) for prompt in prompts]
        # Neighbours of like length share a batch, so that each is cut as short as can be.
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        rows: list[Tensor] = []
        for start in range(0, len(order), _BATCH):
            batch = [tokens[index] for index in order[start : start + _BATCH]]
            rows.append(self._forward(_padded(batch).to(self._device)).float().cpu())
        restored = torch.empty(len(order), dtype=torch.long)
        restored[torch.tensor(order, dtype=torch.long)] = torch.arange(len(order))
        return F.normalize(torch.cat(rows), dim=-1)[restored]

    def _tokenize(self, prompt: str) -> list[int]:
        start, end = self._tokenizer.sot_token_id, self._tokenizer.eot_token_id
        with self._lock:
            self._forget_words()
            inner = self._tokenizer.encode(prompt)
        if start in inner or end in inner:
            raise ObjectNameError(f"prompt {prompt!r}: holds one of CLIP's own markers")
        if len(inner) + 2 > self._context:
            raise ObjectNameError(
                f"prompt {prompt!r}: {len(inner) + 2} tokens, CLIP's context holds {self._context}"
            )
        return [start, *inner, end]

    def _forget_words(self) -> None:
        """The tokenizer remembers every word ever seen; clients choose the words."""
        cache = self._tokenizer.cache
        if len(cache) > _TOKENIZER_CACHE_LIMIT:
            markers = {word: token for word, token in cache.items() if word in _MARKERS}
            cache.clear()
            cache.update(markers)

    def _forward(self, text: Tensor) -> Tensor:
        """Token ids [N,L] -> text features [N,D], not normalised."""
        tower, length = self._tower, text.shape[1]
        x = tower.token_embedding(text).to(tower.dtype)
        x = x + tower.positional_embedding[:length].to(tower.dtype)
        mask = tower.causal_mask[:length, :length].to(tower.dtype)
        *blocks, last = tower.blocks
        for block in blocks:
            x = feed_forward(block, x + attend(block, *project_qkv(block, x), mask))
        # Of the last layer only the pooled token is needed.
        query, key, value = project_qkv(last, x)
        at = (torch.arange(len(text), device=text.device), self._pooled_position(text))
        query, mask = query.transpose(1, 2)[at].unsqueeze(2), mask[at[1]][:, None, None]
        x = x[at].unsqueeze(1) + attend(last, query, key, value, mask)
        pooled = tower.ln_final(feed_forward(last, x)).squeeze(1)
        if tower.projection is None:
            return cast(Tensor, pooled)
        if isinstance(tower.projection, nn.Linear):
            return cast(Tensor, tower.projection(pooled))
        return cast(Tensor, pooled @ tower.projection)

    def _pooled_position(self, text: Tensor) -> Tensor:
        """Index [N] of the token that stands for each prompt, as open_clip finds it."""
        if self._tower.pool == "eos":
            return (text == self._tower.eos).int().argmax(-1)
        return text.argmax(-1)


def _padded(batch: Sequence[list[int]]) -> Tensor:
    longest = max(len(tokens) for tokens in batch)
    return torch.tensor([tokens + [0] * (longest - len(tokens)) for tokens in batch])


def _text_tower(backbone: Backbone) -> _Tower:
    model = backbone.model
    text = model.text if isinstance(model, CustomTextCLIP) else model
    if isinstance(model, CustomTextCLIP) and (
        not isinstance(text, TextTransformer) or text.cls_emb is not None or text.use_pad_mask
    ):
        raise BackboneError(f"backbone {backbone.name}: text tower is not CLIP's own")
    pool = text.pool_type if text is not model else text.text_pool_type
    mask = text.attn_mask
    if mask is None or pool not in ("argmax", "eos"):
        raise BackboneError(
            f"backbone {backbone.name}: text tower pools by {pool!r}"
            f"{'' if mask is not None else ' without a causal mask'}; expected a causal tower "
            "pooled at the end-of-text token"
        )
    eos = text.eos_id if text is not model else text.text_eos_id
    if pool == "eos" and eos != backbone.tokenizer.eot_token_id:
        raise BackboneError(
            f"backbone {backbone.name}: text tower pools at token {eos}; CLIP's tokenizer ends "
            f"texts with {backbone.tokenizer.eot_token_id}"
        )
    blocks = tuple(text.transformer.resblocks)
    if not blocks or not all(is_plain(block) for block in blocks):
        raise BackboneError(f"backbone {backbone.name}: text tower's blocks are not CLIP's own")
    return _Tower(
        token_embedding=text.token_embedding,
        positional_embedding=text.positional_embedding,
        blocks=blocks,
        ln_final=text.ln_final,
        projection=text.text_projection,
        causal_mask=mask,
        dtype=text.transformer.get_cast_dtype(),
        pool=pool,
        eos=eos,
    )
