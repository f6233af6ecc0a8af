"""AnomalyDetector: preprocessed images and object names in, scores and anomaly maps out.

Ties the method's parts together, once, in the constructor. Knows nothing of HTTP, settings,
files' formats or what a category is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from app.clipad import maps
from app.clipad.backbone import Backbone
from app.clipad.choices import RvsMethod, Taps
from app.clipad.dual_path import dual_path
from app.clipad.encoder import TextEncoder
from app.clipad.heads_file import HeadsFile
from app.clipad.model_info import describe
from app.clipad.multicrop import crop_ten
from app.clipad.prompts import PromptEnsemble, Wording, prompt_ensemble, worded
from app.clipad.runtimes.model import Runtime
from app.clipad.runtimes.torch_runtime import TorchRuntime
from app.clipad.rvs import Rvs
from app.clipad.text import TextBank
from app.clipad.transfer import to_device, to_host
from app.errors import HeadsError, MethodError

REFERENCE_SIGMA = 8.0
REFERENCE_SIDE = 240
_TEXT_CAPACITY = 4096

Name = str | Wording | PromptEnsemble
"""An object: by its name in the industrial domain, by a wording, or with its prompts."""


@dataclass(frozen=True)
class Detection:
    """What a batch of B images gave; float32 on the CPU.

    score [B] = text_score + map_score, the raw sum. text_score [B]: s in [0,1] (Eq. 1).
    map_score [B]: the map's maximum. maps [B,S,S]: the smoothed anomaly maps.
    """

    score: Tensor
    text_score: Tensor
    map_score: Tensor
    maps: Tensor


class AnomalyDetector:
    """Zero-shot detection by SDP, and with linear heads by SDP+, on a frozen backbone.

    sigma: of the map's Gaussian filter, in pixels of the S x S map; None scales the reference 8
    at S = 240 with S, 0 switches it off. runtime: what runs the image encoder. Text features are
    kept under `text_directory` if given. `text_features` may be called from any thread; `detect`
    from one at a time. Raises HeadsError for heads of other taps or stages than asked for, naming
    both.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        heads: HeadsFile | None = None,
        rvs: Rvs = Rvs(),  # noqa: B008 (frozen)
        taps: Taps | str = Taps.EQUATION,
        stages: Sequence[int] | None = None,
        sigma: float | None = None,
        runtime: Runtime = TorchRuntime(),  # noqa: B008 (frozen)
        text_directory: Path | None = None,
        demo: bool = False,
    ) -> None:
        self.backbone = backbone
        self.sigma = REFERENCE_SIGMA * backbone.side / REFERENCE_SIDE if sigma is None else sigma
        self._path = dual_path(backbone.model.visual, taps, stages)
        self._encode = runtime.encoder(backbone, self._path, original=heads is not None)
        self._heads = None
        if heads is not None:
            _check_reading(heads, self._path.taps, self._path.stages)
            self._heads = heads.heads
        self._rvs = rvs
        self._bank = TextBank(
            TextEncoder(backbone),
            backbone.digest,
            rvs,
            backbone.embed_dim,
            text_directory,
            _TEXT_CAPACITY,
        )
        self.side = backbone.side
        self.mean = backbone.mean
        self.std = backbone.std
        self.methods: tuple[str, ...] = ("sdp",) if heads is None else ("sdp", "sdp_plus")
        self.default_method = "sdp" if heads is None else heads.notes.recommended
        self.info = describe(backbone, self._path, self._encode.info, heads, rvs, self.sigma, demo)

    def text_features(self, name: Name, rvs: RvsMethod | None = None) -> Tensor:
        """Text features [D,2] (normal, abnormal) of an object; blocks while they are made.

        rvs, here and below: how one vector is chosen, None for the detector's own way.
        Raises ObjectNameError for a name outside its rules or longer than CLIP's context.
        """
        return self._bank.get(_ensemble(name), self._choice(rvs))

    def peek_text(self, name: Name, rvs: RvsMethod | None = None) -> Tensor | None:
        """`text_features` where they are in memory, else None; never blocks.

        Raises ObjectNameError for a name outside its rules.
        """
        return self._bank.peek(_ensemble(name), self._choice(rvs))

    def has_text(self, name: Name, rvs: RvsMethod | None = None) -> bool:
        """Whether an object's text features need no encoding any more."""
        return self._bank.has(_ensemble(name), self._choice(rvs))

    @property
    def unwritten_texts(self) -> int:
        """How many text features could not be kept on disk since the start."""
        return self._bank.unwritten

    def _choice(self, method: RvsMethod | None) -> Rvs:
        return self._rvs if method is None else replace(self._rvs, method=method)

    @torch.inference_mode()
    def detect(self, images: Tensor, text: Tensor, method: str = "sdp") -> Detection:
        """Preprocessed images [B,3,S,S] and their texts [B,D,2] -> Detection.

        Raises MethodError for a method that is not among `methods`.
        """
        if method not in self.methods:
            raise MethodError(f"method {method!r}: expected one of {', '.join(self.methods)}")
        text = to_device(text, self._encode.device, torch.float32)
        with_heads = self._heads if method == "sdp_plus" else None
        tokens = self._encode(images, original=with_heads is not None)
        anomaly = maps.sdp_map(tokens.surgery, text, self.side)
        if with_heads is not None:
            projected = with_heads(self._path.patches(tokens.original))
            anomaly = anomaly + maps.heads_map(projected, text, self.side)
        smoothed = maps.smooth(anomaly, self.sigma)
        text_score = maps.class_score(tokens.surgery[-1][:, 0], text)
        score, peak = maps.image_score(text_score, smoothed)
        return Detection(*to_host((score, text_score, peak, smoothed)))

    def predict(self, images: Tensor, names: Sequence[Name], method: str = "sdp") -> Detection:
        """`detect` with one object name per image; names may mix."""
        text = torch.stack([self.text_features(name) for name in names])
        return self.detect(images, text, method)

    @torch.inference_mode()
    def multi_crop_score(self, enlarged: Tensor, text: Tensor, plain: Tensor) -> Tensor:
        """Classification by ten crops, averaged with the plain s (Sec. D) -> [B] in [0,1].

        enlarged [B,3,E,E]: the images preprocessed at E = multicrop.enlarged_side(S); plain [B]:
        their s. The map's maximum has no part in it. Costs ten times a plain classification.
        """
        text = to_device(text, self._encode.device, torch.float32)
        scores = []
        for crop in crop_ten(enlarged, self.side):
            tokens = self._encode(crop, original=False)
            scores.append(maps.class_score(tokens.surgery[-1][:, 0], text))
        return (torch.stack(scores).mean(0).cpu() + plain) / 2


def _check_reading(heads: HeadsFile, taps: Taps, stages: tuple[int, ...]) -> None:
    """Heads work only on the tokens they were trained with."""
    for what, theirs, ours in (
        ("taps", str(heads.notes.taps), str(taps)),
        ("stages", heads.notes.stages, stages),
    ):
        if theirs != ours:
            raise HeadsError(f"heads {heads.path}: trained with {what} {theirs}, not {ours}")


def _ensemble(name: Name) -> PromptEnsemble:
    if isinstance(name, PromptEnsemble):
        return name
    return worded(name) if isinstance(name, Wording) else prompt_ensemble(name)
