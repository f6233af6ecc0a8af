"""What a detection costs: SDP and SDP+ by any runtime, against torch's plain `encode_image`.

The backbone has the shape of a published model and random weights, which cost the same; it
never leaves this process. Knows nothing of servers, decoding or heatmaps.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
import torch.nn.functional as F
from open_clip.tokenizer import SimpleTokenizer

from app.clipad.backbone import Backbone
from app.clipad.detector import AnomalyDetector
from app.clipad.dual_path import dual_path
from app.clipad.heads import LinearHeads
from app.clipad.heads_file import HeadsFile, HeadsNotes
from app.clipad.runtimes.model import Runtime
from app.clipad.runtimes.openvino_runtime import OpenVinoRuntime
from app.clipad.runtimes.torch_runtime import TorchRuntime
from app.offline.bench.pairs import PairedTimes, time_against


def random_backbone(name: str, device: torch.device, seed: int = 0) -> Backbone:
    """A backbone of open_clip model `name` with seeded random weights, for its arithmetic alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = open_clip.CLIP(**open_clip.get_model_config(name))
    model.eval().requires_grad_(False).to(device)
    side = model.visual.image_size
    return Backbone(
        name=f"{name} (random weights)",
        model=model,
        tokenizer=SimpleTokenizer(context_length=model.context_length),
        side=side[0] if isinstance(side, tuple) else side,
        mean=open_clip.OPENAI_DATASET_MEAN,
        std=open_clip.OPENAI_DATASET_STD,
        weights_sha256="0" * 64,
        config_sha256="0" * 64,
        device=device,
        dtype=torch.float32,
        embed_dim=int(model.text_projection.shape[1]),
    )


def random_heads(backbone: Backbone, seed: int = 0) -> HeadsFile:
    """Linear heads that fit a backbone, with seeded random weights."""
    path = dual_path(backbone.model.visual)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        heads = LinearHeads(path.widths, backbone.embed_dim).eval().to(backbone.device)
    notes = HeadsNotes(None, None, path.stages, path.stage_ends, path.taps)
    return HeadsFile(Path("random"), heads.requires_grad_(False), notes, "0" * 64)


@dataclass(frozen=True)
class Contender:
    """A detector and a method, by the name that a table and the JSON line call it."""

    name: str
    detector: AnomalyDetector
    method: str


def torch_contenders(backbone: Backbone, runtime: Runtime = TorchRuntime()) -> list[Contender]:  # noqa: B008
    """SDP and SDP+ in torch, on the backbone's device."""
    detector = AnomalyDetector(backbone, heads=random_heads(backbone), runtime=runtime)
    return [Contender("sdp", detector, "sdp"), Contender("sdp_plus", detector, "sdp_plus")]


def openvino_contender(backbone: Backbone, dtype: str, method: str) -> Contender:
    """SDP or SDP+ by OpenVINO; int8 is fitted to a few random tensors, which costs the same."""
    heads = random_heads(backbone) if method == "sdp_plus" else None
    runtime = OpenVinoRuntime(dtype, _FewTensors())
    short = {"float32": "fp32", "bfloat16": "bf16"}.get(dtype, dtype)
    detector = AnomalyDetector(backbone, heads=heads, runtime=runtime)
    return Contender(f"openvino_{short}_{method}", detector, method)


def compare_with_encode(
    backbone: Backbone,
    contenders: Sequence[Contender],
    batch: int,
    *,
    turns: int,
    warm_up: int = 2,
) -> dict[str, PairedTimes]:
    """Each contender's `detect` against torch's `encode_image` of the same images.

    `detect` is all that a prediction asks of the model: both paths, surgery, upsampling,
    smoothing, scores, and the maps brought to the CPU.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 3, backbone.side, backbone.side, generator=generator)
    text = F.normalize(torch.randn(batch, backbone.embed_dim, 2, generator=generator), dim=1)

    @torch.inference_mode()
    def encode() -> torch.Tensor:
        moved = images.to(backbone.device, backbone.dtype)
        features: torch.Tensor = backbone.model.encode_image(moved).cpu()
        return features

    def detect(contender: Contender) -> Callable[[], object]:
        return lambda: contender.detector.detect(images, text, contender.method)

    return time_against(
        encode,
        {contender.name: detect(contender) for contender in contenders},
        turns=turns,
        warm_up=warm_up,
        synchronize=_synchronizer(backbone.device),
    )


class _FewTensors:
    """Random tensors to quantise with, where only the time of what comes out matters."""

    digest = "a few random tensors"

    def tensors(
        self, side: int, mean: Sequence[float], std: Sequence[float]
    ) -> Iterator[torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        return (torch.randn(1, 3, side, side, generator=generator) for _ in range(2))


def _synchronizer(device: torch.device) -> Callable[[], object]:
    return torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
