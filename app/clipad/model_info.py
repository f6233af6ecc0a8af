"""ModelInfo: what computes the scores, and one fingerprint over all that moves one."""

import hashlib
import json
from dataclasses import asdict, dataclass

from app.clipad.backbone import Backbone
from app.clipad.dual_path import DualPath
from app.clipad.heads_file import HeadsFile
from app.clipad.prompts import Domain, prompt_ensemble
from app.clipad.runtimes.model import RuntimeInfo
from app.clipad.rvs import Rvs

_PREPROCESSING = "direct-bicubic-1"  # straight to S x S, aspect ratio not kept, no crop


@dataclass(frozen=True)
class ModelInfo:
    """What computes the scores. `fingerprint` is a sha256 over all that moves one."""

    backbone: str
    weights_sha256: str
    heads_sha256: str | None
    rvs: str
    taps: str
    demo: bool
    runtime: str
    device: str
    dtype: str
    side: int
    patch: int
    embed_dim: int
    stages: tuple[int, ...]
    sigma: float
    fingerprint: str


def describe(
    backbone: Backbone,
    path: DualPath,
    runtime: RuntimeInfo,
    heads: HeadsFile | None,
    rvs: Rvs,
    sigma: float,
    demo: bool,
) -> ModelInfo:
    """The description of a detector made of these parts; sigma in pixels of the S x S map."""
    heads_sha256 = None if heads is None else heads.sha256
    moving = {
        "weights_sha256": backbone.weights_sha256,
        "heads_sha256": heads_sha256,
        # Every parameter: a category may choose another method than the service's.
        "rvs": asdict(rvs),
        "taps": str(path.taps),
        "dtype": runtime.dtype,
        "side": backbone.side,
        "stages": list(path.stages),
        "sigma": sigma,
        "prompts": [prompt_ensemble("object", domain).digest for domain in Domain],
        "model": backbone.digest,
        "runtime": runtime.name,
        "preprocessing": [_PREPROCESSING, backbone.mean, backbone.std],
    }
    if runtime.artefact_sha256 is not None:
        moving["artefact"] = runtime.artefact_sha256
    return ModelInfo(
        backbone=backbone.name,
        weights_sha256=backbone.weights_sha256,
        heads_sha256=heads_sha256,
        rvs=str(rvs.method),
        taps=str(path.taps),
        demo=demo,
        runtime=runtime.name,
        device=str(backbone.device),
        dtype=runtime.dtype,
        side=backbone.side,
        patch=path.patch,
        embed_dim=backbone.embed_dim,
        stages=path.stages,
        sigma=sigma,
        fingerprint=hashlib.sha256(json.dumps(moving, sort_keys=True).encode()).hexdigest(),
    )
