"""Which dual path reads which image tower."""

from collections.abc import Sequence

from open_clip.modified_resnet import ModifiedResNet
from torch import nn

from app.clipad.choices import Taps
from app.clipad.resnet import ResNetDualPath
from app.clipad.sdp import StagedDualPath

DualPath = StagedDualPath | ResNetDualPath


def dual_path(
    visual: nn.Module, taps: Taps | str = Taps.EQUATION, stages: Sequence[int] | None = None
) -> DualPath:
    """SDP's path through an open_clip image tower, ViT or ResNet, in eval mode.

    Raises BackboneError for a tower the method does not fit.
    """
    kind = ResNetDualPath if isinstance(visual, ModifiedResNet) else StagedDualPath
    return kind(visual, taps, stages).eval()
