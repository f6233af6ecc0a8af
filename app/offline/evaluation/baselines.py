"""The two baselines of the paper's Tables 1 and 7, on the same backbone, texts and smoothing.

    direct         the last layer's patch tokens, projected, compared with the texts as they are:
                   softmax(100 f . [Tn, Ta])[abnormal], upsampled as SDP's map is
    clip_surgery   V-V attention in the upper half of the layers, accumulated; the last output
                   alone goes through feature surgery

Image scores are made as everywhere: s + maximum of the smoothed map. Knows nothing of data sets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from open_clip.transformer import VisionTransformer
from torch import Tensor

from app.clipad import maps
from app.clipad.detector import AnomalyDetector, Detection
from app.clipad.sdp import StagedDualPath
from app.errors import MethodError
from app.offline.choices import BaselineName


class Baseline(ABC):
    """One baseline on a detector's backbone. Raises MethodError for a backbone that is no ViT."""

    name: str

    def __init__(self, detector: AnomalyDetector) -> None:
        backbone = detector.backbone
        visual = backbone.model.visual
        if not isinstance(visual, VisionTransformer):
            raise MethodError(f"method {self.name!r}: backbone {backbone.name} is no ViT")
        layers = len(visual.transformer.resblocks)
        self._path = StagedDualPath(visual, spans=[(layers // 2, layers)]).eval()
        self._backbone = backbone
        self._sigma = detector.sigma

    @torch.inference_mode()
    def detect(self, images: Tensor, text: Tensor) -> Detection:
        """Preprocessed images [B,3,S,S] and their texts [B,D,2] -> Detection."""
        text = text.to(self._backbone.device)
        images = images.to(self._backbone.device, self._backbone.dtype)
        tokens, anomaly = self._look(images, text)
        smoothed = maps.smooth(anomaly, self._sigma)
        text_score = maps.class_score(tokens[:, 0], text)
        score, peak = maps.image_score(text_score, smoothed)
        return Detection(score.cpu(), text_score.cpu(), peak.cpu(), smoothed.cpu())

    @abstractmethod
    def _look(self, images: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Projected tokens [B,1+P,D], class token first, and the map [B,S,S], not smoothed."""


class Direct(Baseline):
    """Patch tokens compared with the texts though nothing aligned them (Table 7)."""

    name = BaselineName.DIRECT.value

    def _look(self, images: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        (original,) = self._path(images, surgery=False).original
        tokens = self._path.project(original)
        cosines = F.normalize(tokens[:, 1:].float(), dim=-1) @ text.float()
        abnormal = (maps.TEMPERATURE * cosines).softmax(-1)[..., 1]
        return tokens, maps.upsample(maps.to_grid(abnormal), self._backbone.side)


class ClipSurgery(Baseline):
    """CLIP Surgery: one path of V-V attention through the upper half (Table 1)."""

    name = BaselineName.CLIP_SURGERY.value

    def _look(self, images: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        surgery = self._path(images, original=False).surgery
        return surgery[0], maps.sdp_map(surgery, text, self._backbone.side)


BASELINES: dict[str, type[Baseline]] = {kind.name: kind for kind in (Direct, ClipSurgery)}
