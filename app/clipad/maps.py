"""From stage tokens and texts to anomaly maps and scores (Eq. 1, 4-13).

Pure tensor functions; know nothing of models, names or images. Texts are [B,D,2] with unit
columns (normal, abnormal), one pair per image, so names may mix in a batch. Both texts being all
there is, feature surgery has a closed form and no [B,P,2,D] tensor is ever made.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 100.0
"""CLIP's trained logit scale, used for the class score and the heads' logits."""

_SHORTEST = 1e-12  # below it a token's direction means nothing, as in F.normalize
_TRUNCATE = 4.0  # the Gaussian ends at this many sigmas, as in scipy.ndimage


def class_score(cls: Tensor, text: Tensor) -> Tensor:
    """s = softmax(100 * cls . [Tn, Ta])[abnormal] (Eq. 1).

    cls [B,D]: projected class token of the last stage, any length. Returns [B] in [0,1].
    """
    return (TEMPERATURE * _similarity(cls.unsqueeze(1), text)).softmax(-1)[:, 0, 1]


def stage_map(tokens: Tensor, text: Tensor) -> Tensor:
    """One stage's surgery tokens [B,1+P,D], class token first -> abnormality [B,P] (Eq. 5-7).

    w = softmax(cls . [Tn, Ta]) / mean over the two; then (w_a f.Ta - w_n f.Tn) / 2 for each patch
    f. This is what feature surgery of two texts collapses to in the released implementation.
    """
    similarity = _similarity(tokens, text)
    weight = 2 * similarity[:, :1].softmax(-1)
    weighted = weight * similarity[:, 1:]
    return (weighted[..., 1] - weighted[..., 0]) / 2


def sdp_map(surgery: Sequence[Tensor], text: Tensor, side: int) -> Tensor:
    """Sum of K stage maps, upsampled bilinearly: K x [B,1+P,D] -> [B,side,side], unsmoothed."""
    total = torch.stack([stage_map(tokens, text) for tokens in surgery]).sum(0)
    return upsample(to_grid(total), side)


def head_planes(projected: Sequence[Tensor], text: Tensor, side: int) -> Tensor:
    """Heads' outputs K x [B,P_k,D] -> abnormal probabilities [K,B,side,side] (Eq. 11-12).

    The logits 100 f . [Tn, Ta] are upsampled, corners aligned, then softmax over the two. Of two
    classes that is the sigmoid of the logits' difference, and upsampling, being linear, is done
    once, on the difference.
    """
    contrast = text[..., 1:].float() - text[..., :1].float()
    logits = [
        _upsample_aligned(TEMPERATURE * _cosine(f.float(), contrast), side) for f in projected
    ]
    return torch.stack(logits).sigmoid()


def heads_map(projected: Sequence[Tensor], text: Tensor, side: int) -> Tensor:
    """M_ft: the abnormal planes summed over K stages (Eq. 13) -> [B,side,side] in [0,K]."""
    return head_planes(projected, text, side).sum(0)


def to_grid(patches: Tensor) -> Tensor:
    """Row-major patches [B,P,...] -> [B,g,g,...] with g = sqrt(P); P must be a square number."""
    grid = round(patches.shape[1] ** 0.5)
    return patches.reshape(patches.shape[0], grid, grid, *patches.shape[2:])


def upsample(maps: Tensor, side: int) -> Tensor:
    """Maps [B,g,g] -> [B,side,side], bilinear, pixel centres aligned (align_corners=False)."""
    planes = maps.unsqueeze(1)
    return F.interpolate(planes, (side, side), mode="bilinear", align_corners=False).squeeze(1)


def _upsample_aligned(patches: Tensor, side: int) -> Tensor:
    """Row-major patch values [B,P] -> [B,side,side], bilinear, the grid's corners kept in place.

    As two products with one matrix, which is `F.interpolate(..., align_corners=True)` at a fifth
    of the time where gradients are asked for, and on a GPU the same from run to run.
    """
    grid = to_grid(patches)
    matrix = _on_device(_aligned_matrix, grid, grid.shape[-1], side)
    return matrix @ (grid @ matrix.mT)


def _cosine(tokens: Tensor, text: Tensor) -> Tensor:
    """tokens [B,P,D] . text [B,D,1] over the tokens' lengths -> [B,P]; no unit tokens are made."""
    length: Tensor = torch.linalg.vector_norm(tokens, dim=-1).clamp_min(_SHORTEST)
    return (tokens @ text).squeeze(-1) / length


def smooth(maps: Tensor, sigma: float) -> Tensor:
    """Gaussian filter of maps [B,S,S], sigma in pixels, 0 for none.

    Equal to scipy.ndimage.gaussian_filter with its defaults (mode `reflect`, edge pixel repeated,
    truncated at 4 sigma). Being separable and linear it is two products with one [S,S] matrix.
    """
    if sigma <= 0:
        return maps
    matrix = _on_device(_smoothing_matrix, maps, maps.shape[-1], float(sigma))
    return matrix @ maps @ matrix.mT


def image_score(text_score: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """(s + max of the map, max of the map), each [B]; maps [B,S,S] already smoothed."""
    peak = maps.amax(dim=(-2, -1))
    return text_score + peak, peak


def _similarity(tokens: Tensor, text: Tensor) -> Tensor:
    """Cosines of tokens [B,N,D], any length, with texts [B,D,2] -> [B,N,2] float32."""
    return F.normalize(tokens.float(), dim=-1) @ text.float()


def _aligned_matrix(grid: int, side: int) -> np.ndarray:
    """[side,grid] float32: row i holds the weights of the grid's values in pixel i."""
    places = np.linspace(0, grid - 1, side)
    values = [np.interp(places, np.arange(grid), one) for one in np.eye(grid)]
    return np.stack(values, axis=1).astype(np.float32)


def _on_device(make: Callable[..., np.ndarray], like: Tensor, *arguments: float) -> Tensor:
    """make(*arguments) where and as `like` is; copied there once, for on a GPU a copy waits."""
    return _copied(make, arguments, like.device, like.dtype)


@lru_cache(maxsize=64)
def _copied(
    make: Callable[..., np.ndarray],
    arguments: tuple[float, ...],
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    with torch.inference_mode(False):  # one made in that mode could not be trained with
        return torch.from_numpy(make(*arguments)).to(device, dtype)


def _smoothing_matrix(side: int, sigma: float) -> np.ndarray:
    """[side,side] float32: row i holds the weights of the inputs in smoothed pixel i."""
    radius = int(_TRUNCATE * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    matrix = np.zeros((side, side))
    rows = np.arange(side)
    for offset, weight in zip(offsets, kernel, strict=True):
        # Reflection about the pixel edges repeats every 2 * side, however far the kernel reaches.
        wrapped = (rows + offset) % (2 * side)
        np.add.at(matrix, (rows, np.minimum(wrapped, 2 * side - 1 - wrapped)), weight)
    return matrix.astype(np.float32)
