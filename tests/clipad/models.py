"""Tiny CLIPs with seeded random weights, for properties that hold whatever the weights are."""

from typing import Any

import open_clip
import torch


def tiny_config(**vision: Any) -> dict[str, Any]:
    """An open_clip config of a tiny CLIP; keywords override its image tower."""
    return {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": 48,
            "layers": 4,
            "width": 32,
            "head_width": 16,
            "patch_size": 8,
            **vision,
        },
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 16,
            "heads": 2,
            "layers": 2,
        },
    }


def tiny_clip(seed: int = 0, **vision: Any) -> open_clip.CLIP:
    """A tiny CLIP in eval mode; equal seeds give equal weights, and no parameter is all 0 or 1."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = open_clip.CLIP(**tiny_config(**vision)).eval().requires_grad_(False)
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    return model


def random_images(count: int, side: int, seed: int = 0) -> torch.Tensor:
    """[count,3,side,side] of unit normal noise."""
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))
