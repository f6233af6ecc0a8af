"""Linear heads of SDP+: one per stage, from the original path's width to the embedding (Eq. 11).

Knows nothing of texts, maps or files. Serving them is not built yet: see `detector.py`.
"""

from collections.abc import Sequence

from torch import Tensor, nn


class LinearHeads(nn.Module):
    """K linear layers W_k -> D, named `fc.0` ... `fc.K-1` as published head files name them.

    widths: K widths, equal for a ViT, those of the layers for a ResNet.
    """

    def __init__(self, widths: Sequence[int], embed_dim: int) -> None:
        super().__init__()
        self.fc = nn.ModuleList(nn.Linear(width, embed_dim) for width in widths)

    def forward(self, patches: Sequence[Tensor]) -> list[Tensor]:
        """Patch tokens K x [B,P_k,W_k], without class token -> K x [B,P_k,D]."""
        return [head(tokens) for head, tokens in zip(self.fc, patches, strict=True)]
