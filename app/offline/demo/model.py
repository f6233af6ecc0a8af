"""The demo backbone as a network to train: its shape, its start and its export.

An ordinary open_clip CLIP of 12.6 million parameters, half of them the token table. Training
touches only the rows of the table which the prompts use; all other tokens keep their random start,
and random words in training teach the text tower that such tokens are names without a meaning.
Knows nothing of data, losses or schedules.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from open_clip.model import CLIP
from safetensors.torch import save_file
from torch import Tensor, nn

from app.clipad.sdp import StagedDualPath, StageTokens

CONFIG: dict[str, Any] = {
    "embed_dim": 192,
    "vision_cfg": {
        "image_size": 240,
        "layers": 12,
        "width": 192,
        "head_width": 64,
        "patch_size": 16,
    },
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 128,
        "heads": 2,
        "layers": 4,
    },
}
"""open_clip model config of the demo; its preprocessing is CLIP's own mean and std."""


class DemoModel(nn.Module):
    """A CLIP under training: embeds crops at their true places and encodes short prompts.

    `used` are the token ids that prompts are made of: only their embeddings are trained.
    """

    def __init__(self, config: dict[str, Any], used: Iterable[int], seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.clip = CLIP(**config)
        self.path = StagedDualPath(self.clip.visual)
        table = self.clip.token_embedding.weight.requires_grad_(False)
        self.clip.logit_scale.requires_grad_(False)
        ids = torch.tensor(sorted(set(used)), dtype=torch.long)
        self.rows = nn.Parameter(table[ids].clone())
        places = torch.full((table.shape[0],), -1, dtype=torch.long)
        places[ids] = torch.arange(len(ids))
        self.ids: Tensor
        self.places: Tensor
        self.register_buffer("ids", ids)
        self.register_buffer("places", places)

    @property
    def grid(self) -> int:
        """Patches along one side of the whole image."""
        return self.path.grid

    @property
    def patch(self) -> int:
        """Side of one patch in pixels."""
        return int(self.clip.visual.conv1.kernel_size[0])

    def embed(self, crops: Tensor, corners: Tensor) -> Tensor:
        """Crops [B,3,n*patch,n*patch] -> first-layer tokens [B,1+n*n,W] with true positions.

        corners [B,2]: row and column, in patches, of each crop's upper left corner.
        """
        visual = self.clip.visual
        x = visual.conv1(crops)
        n = x.shape[-1]
        steps = torch.arange(n)
        rows = corners[:, 0, None] + steps
        columns = corners[:, 1, None] + steps
        places = 1 + (rows[:, :, None] * self.grid + columns[:, None, :]).flatten(1)
        patches = x.flatten(2).transpose(1, 2) + visual.positional_embedding[places]
        first = visual.class_embedding + visual.positional_embedding[0]
        tokens = torch.cat([first.expand(len(x), 1, -1), patches], dim=1)
        embedded: Tensor = visual.ln_pre(tokens)
        return embedded

    def forward(self, crops: Tensor, corners: Tensor) -> tuple[StageTokens, Tensor]:
        """Crops as in `embed` -> (stage tokens, last block's tokens projected [B,1+n*n,D])."""
        visual = self.clip.visual
        tokens = self.path.run(self.embed(crops, corners))
        return tokens, visual.ln_post(tokens.original[-1]) @ visual.proj

    def encode_text(self, ids: Tensor, ends: Tensor) -> Tensor:
        """Token ids [N,L], end-of-text places [N] -> unit rows [N,D]; any L up to the context."""
        clip, length = self.clip, ids.shape[1]
        places = self.places[ids]
        fixed = F.embedding(ids, clip.token_embedding.weight)
        trained = F.embedding(places.clamp(min=0), self.rows)
        x = torch.where((places >= 0)[..., None], trained, fixed)
        x = x + clip.positional_embedding[:length]
        x = clip.transformer(x, attn_mask=clip.attn_mask[:length, :length])
        x = clip.ln_final(x)[torch.arange(len(ids)), ends] @ clip.text_projection
        return F.normalize(x, dim=-1)

    @torch.no_grad()
    def whiten_patches(self, patches: NDArray[np.float32]) -> None:
        """Start the patch embedding from the whitened principal directions of real patches.

        patches [N, 3*patch*patch], as conv1 sees them. A random start hands the blocks mostly
        each patch's mean colour; whitened directions show its structure from the first step.
        """
        centred = patches - patches.mean(axis=0)
        values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        weight = self.clip.visual.conv1.weight
        top = np.argsort(values)[::-1][: len(weight)]
        scale = 1 / np.sqrt(values[top] + 0.02 * values[top].mean())
        basis = torch.from_numpy((vectors[:, top] * scale).T.astype(np.float32))
        weight.copy_(basis.reshape(weight.shape) * self.clip.visual.positional_embedding.std() * 3)

    @torch.no_grad()
    def state_for_export(self) -> dict[str, Tensor]:
        """The CLIP's state with the trained token rows in their places, float32 copies."""
        state = {key: value.detach().clone() for key, value in self.clip.state_dict().items()}
        state["token_embedding.weight"][self.ids] = self.rows.detach()
        return state


def export(state: dict[str, Tensor], config: dict[str, Any], directory: Path) -> Path:
    """Write `config.json` and `weights.safetensors` (fp16), whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    halves = {key: value.half().contiguous() for key, value in state.items()}
    path = directory / "weights.safetensors"
    partial = path.with_suffix(".partial")
    save_file(halves, partial)
    partial.chmod(0o644)
    os.replace(partial, path)
    return path
