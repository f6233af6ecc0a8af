"""What the second path costs: SDP's whole detection against a plain `encode_image`.

The backbone has the shape of a published model and random weights, which cost the same; it
never leaves this process. Knows nothing of servers, decoding or heatmaps.
"""

from collections.abc import Callable, Iterator, Sequence

import open_clip
import torch
import torch.nn.functional as F
from open_clip.tokenizer import SimpleTokenizer

from app.clipad.backbone import Backbone
from app.clipad.detector import AnomalyDetector
from app.offline.bench.pairs import PairedTimes, time_pairs


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


def compare_with_encode(
    backbone: Backbone, batches: Sequence[int], turns: int
) -> Iterator[tuple[int, PairedTimes]]:
    """For each batch size: `AnomalyDetector.detect` against `encode_image` of the same images.

    `detect` is all that a prediction asks of the model: both paths, surgery, upsampling,
    smoothing, scores, and the maps brought to the CPU.
    """
    detector = AnomalyDetector(backbone)
    generator = torch.Generator().manual_seed(0)
    for batch in batches:
        images = torch.randn(batch, 3, backbone.side, backbone.side, generator=generator)
        text = F.normalize(torch.randn(batch, backbone.embed_dim, 2, generator=generator), dim=1)

        @torch.inference_mode()
        def encode(images: torch.Tensor = images) -> torch.Tensor:
            features: torch.Tensor = backbone.model.encode_image(images.to(backbone.device)).cpu()
            return features

        def detect(images: torch.Tensor = images, text: torch.Tensor = text) -> object:
            return detector.detect(images, text, "sdp")

        yield (
            batch,
            time_pairs(detect, encode, turns=turns, synchronize=_synchronizer(backbone.device)),
        )


def _synchronizer(device: torch.device) -> Callable[[], object]:
    return torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
