"""This project's numbers against stored outputs of the method's released implementation.

A folder holds `config.json`, `weights.safetensors`, `image_*.png` and `expected.safetensors`, whose
keys say what each tensor is (see the README beside the stored folders). Everything that the keys
ask for is computed anew, from the image files on. Knows nothing of the command line.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from app.clipad import maps
from app.clipad.backbone import load_backbone
from app.clipad.choices import RvsMethod, Taps
from app.clipad.dual_path import dual_path
from app.clipad.encoder import TextEncoder
from app.clipad.heads import LinearHeads
from app.clipad.prompts import prompt_ensemble
from app.clipad.rvs import Rvs
from app.clipad.text import TextBank
from app.errors import ConfigurationError
from app.images.reading import ImageLimits, decode_image
from app.images.tensors import to_tensor
from app.offline.losses import segmentation_loss

_NAME = "metal nut"  # whose text vectors the stored maps were made with
_SIGMA = 2.0
_RATE = 1e-4
_FEATURES = 1e-4, 1e-6
"""Absolute, or relative to the largest value: where that is a thousand, a float32 step is 1e-4."""
_LIMITS = ImageLimits(max_bytes=2**30, max_pixels=2**30)


@dataclass(frozen=True)
class Comparison:
    """Largest absolute difference of one stored tensor from ours, and what is allowed."""

    key: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; one that is not a number is not."""
        return self.difference <= self.tolerance


class Parity:
    """The comparisons of one folder. Raises ConfigurationError for one that cannot be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("config.json", "weights.safetensors", "expected.safetensors"):
            if not (folder / name).is_file():
                raise ConfigurationError(f"parity folder {folder}: has no {name}")
        self._expected = load_file(folder / "expected.safetensors")
        self._backbone = load_backbone(
            str(folder / "config.json"), str(folder / "weights.safetensors")
        )

    @property
    def taps(self) -> tuple[Taps, ...]:
        """The taps for which the folder holds outputs."""
        return tuple(taps for taps in Taps if f"{taps}.sdp_map" in self._expected)

    def compare(self) -> Iterator[Comparison]:
        """Every stored output, in the order it is computed: pixels, texts, then tap by tap."""
        yield self._against("pixels", self._pixels, 1e-6)
        yield from self._texts()
        for taps in self.taps:
            yield from self._of(taps)

    @cached_property
    def _pixels(self) -> Tensor:
        backbone = self._backbone
        paths = sorted(self.folder.glob("image_*.png"))
        images = [decode_image(path.read_bytes(), _LIMITS) for path in paths]
        return torch.stack(
            [to_tensor(image, backbone.side, backbone.mean, backbone.std) for image in images]
        )

    def _texts(self) -> Iterator[Comparison]:
        encoder = TextEncoder(self._backbone)
        for key in sorted(key for key in self._expected if key.startswith("text.")):
            _, method, name = key.split(".")
            rvs = Rvs(RvsMethod(method))
            bank = TextBank(encoder, self._backbone.digest, rvs, self._backbone.embed_dim)
            # Three of the methods went through half precision when they were stored.
            exact = rvs.method in (RvsMethod.MEAN, RvsMethod.PCA)
            yield self._against(key, bank.get(prompt_ensemble(name)), 1e-5 if exact else 1e-3)

    def _of(self, taps: Taps) -> Iterator[Comparison]:
        path = dual_path(self._backbone.model.visual, taps)
        side = self._backbone.side
        text = self._expected[f"text.mean.{_NAME}"].expand(len(self._pixels), -1, -1)
        with torch.no_grad():
            tokens = path(self._pixels)
            sdp = maps.sdp_map(tokens.surgery, text, side)
            heads = self._heads("head")
            patches = path.patches(tokens.original)
            from_heads = maps.heads_map(heads(patches), text, side)
        original = tokens.original
        for number, stage in enumerate(tokens.surgery):
            yield self._against(f"{taps}.surgery_{number}", stage, *_FEATURES)
        for number, stage in enumerate(original):
            yield self._against(f"{taps}.original_{number}", stage, *_FEATURES)
        score = maps.class_score(tokens.surgery[-1][:, 0], text)
        for name, value, tolerance in (
            ("text_prob", score, 1e-5),
            ("sdp_map", sdp, 1e-5),
            ("sdp_map_smooth", maps.smooth(sdp, _SIGMA), 1e-5),
            ("ft_map", from_heads, 5e-5),
            ("plus_map", sdp + from_heads, 5e-5),
            ("plus_map_smooth", maps.smooth(sdp + from_heads, _SIGMA), 5e-5),
        ):
            yield self._against(f"{taps}.{name}", value, tolerance)
        losses = self._trained(taps, heads, patches, text)
        yield self._against(f"{taps}.losses", losses, 1e-4)
        for key, value in heads.state_dict().items():
            yield self._against(f"{taps}.trained.{key}", value, 1e-4)

    def _heads(self, prefix: str) -> LinearHeads:
        state = {
            key.removeprefix(f"{prefix}."): value
            for key, value in self._expected.items()
            if key.startswith(f"{prefix}.fc.")
        }
        widths = [state[f"fc.{number}.weight"].shape[1] for number in range(len(state) // 2)]
        heads = LinearHeads(widths, self._backbone.embed_dim)
        heads.load_state_dict(state)
        return heads

    def _trained(
        self, taps: Taps, heads: LinearHeads, patches: list[Tensor], text: Tensor
    ) -> Tensor:
        """The loss at each stored step; `heads` are trained meanwhile."""
        optimizer = torch.optim.Adam(heads.parameters(), lr=_RATE)
        masks = self._expected[f"{taps}.mask"]
        losses = []
        for _ in range(len(self._expected[f"{taps}.losses"])):
            planes = maps.head_planes(heads(patches), text, self._backbone.side)
            loss = segmentation_loss(planes, masks)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses)

    def _against(
        self, key: str, value: Tensor, tolerance: float, relative: float = 0.0
    ) -> Comparison:
        stored = self._expected[key]
        tolerance = max(tolerance, relative * float(stored.abs().max()))
        if stored.shape != value.shape:
            return Comparison(key, float("inf"), tolerance)
        return Comparison(key, float((value.float() - stored.float()).abs().max()), tolerance)
