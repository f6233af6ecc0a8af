"""Linear heads of SDP+: one per stage, from the original path's width to the embedding (Eq. 11).

Knows nothing of texts, maps or files; files are `heads_file.py`'s.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class LinearHeads(nn.Module):
    """K mappings W_k -> D, named `fc.0` ... `fc.K-1` as published head files name them.

    widths: K widths, equal for a ViT, those of the layers for a ResNet. depth 1 is the method's
    single linear layer; 3 and 5, with or without ReLU between the layers, are those of Table 6.
    Their inner widths, which the paper leaves open, are D.
    """

    def __init__(
        self, widths: Sequence[int], embed_dim: int, depth: int = 1, relu: bool = False
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.embed_dim = embed_dim
        self.depth = depth
        self.relu = relu
        self.fc = nn.ModuleList(_mapping(width, embed_dim, depth, relu) for width in widths)

    def forward(self, patches: Sequence[Tensor]) -> list[Tensor]:
        """Patch tokens K x [B,P_k,W_k], without class token -> K x [B,P_k,D], float32."""
        return [head(tokens.float()) for head, tokens in zip(self.fc, patches, strict=True)]


def _mapping(width: int, embed_dim: int, depth: int, relu: bool) -> nn.Module:
    if depth == 1:
        return nn.Linear(width, embed_dim)
    layers: list[nn.Module] = []
    for inside, outside in pairwise((width, *[embed_dim] * depth)):
        layers += [nn.ReLU()] if layers and relu else []
        layers.append(nn.Linear(inside, outside))
    return nn.Sequential(*layers)
