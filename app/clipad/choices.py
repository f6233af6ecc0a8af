"""What may be chosen of the method, by name: for settings, requests and command lines.

Imports nothing heavy: who asks for help, or mistypes a setting, shall not wait for torch. Knows
nothing of what the names stand for.
"""

from enum import StrEnum
from typing import Literal, get_args

MethodName = Literal["sdp", "sdp_plus"]
METHODS: tuple[str, ...] = get_args(MethodName)
RuntimeName = Literal["torch", "openvino"]
RUNTIMES: tuple[str, ...] = get_args(RuntimeName)
DtypeName = Literal["auto", "float32", "float16", "bfloat16", "int8"]
DTYPES: tuple[str, ...] = get_args(DtypeName)


class RvsMethod(StrEnum):
    """How one vector is chosen from the prompts' vectors; see `rvs`."""

    MEAN = "mean"
    PCA = "pca"
    KDE = "kde"
    DBSCAN = "dbscan"
    MEAN_SHIFT = "mean_shift"


class Taps(StrEnum):
    """Where stage outputs are taken from the original path.

    `equation`: block outputs, as Eq. 8-11 state them. `released`: what the released
    implementation delivers, for every stage but the tower's last: block output plus the next
    layer's attention residual. Heads trained with one do not fit the other.
    """

    EQUATION = "equation"
    RELEASED = "released"


class Compilation(StrEnum):
    """`off`; `on`: fused kernels; `cuda_graphs`: these, replayed with one launch per batch."""

    OFF = "off"
    ON = "on"
    CUDA_GRAPHS = "cuda_graphs"
