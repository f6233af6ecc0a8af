"""The encoder run by OpenVINO: on x86 and ARM CPUs faster than torch, in int8 several times.

The torch module is exported with the batch left open, converted, and for int8 quantised by NNCF
after training; what that makes is kept on disk (`artefact.py`). float32 is float32 throughout,
also on processors where OpenVINO would by itself choose bfloat16. Needs the extra `openvino`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from app.clipad.backbone import Backbone
from app.clipad.dual_path import DualPath
from app.clipad.runtimes.artefact import artefact_key, keep_model
from app.clipad.runtimes.model import Pictures, RuntimeInfo
from app.clipad.runtimes.openvino_package import import_openvino
from app.clipad.runtimes.quantisation import quantise, quantiser
from app.clipad.sdp import StageTokens
from app.errors import ConfigurationError

if TYPE_CHECKING:
    import openvino

FLOAT32, BFLOAT16, INT8 = "float32", "bfloat16", "int8"
_HINTS = {FLOAT32: "f32", BFLOAT16: "bf16", INT8: "f32"}  # of int8: of what is not quantised
_EXAMPLES = 2  # images in the exported example: one alone would be taken for a constant
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class OpenVinoRuntime:
    """dtype: float32, bfloat16 or int8, which needs pictures to quantise with. directory: where
    int8 models are kept, None for nowhere. Uses as many CPU threads as torch.
    """

    dtype: str = FLOAT32
    pictures: Pictures | None = None
    directory: Path | None = None

    def encoder(self, backbone: Backbone, path: DualPath, *, original: bool) -> "OpenVinoEncoder":
        """Raises ConfigurationError without the extra, for an unknown dtype or bad pictures."""
        if self.dtype not in _HINTS:
            raise ConfigurationError(
                f"dtype {self.dtype!r}: OpenVINO computes in {', '.join(_HINTS)}"
            )
        compiled, sha256 = _in_a_thread_of_its_own(
            lambda threads: self._compiled(backbone, path, original, threads)
        )
        info = RuntimeInfo("openvino", self.dtype, sha256)
        return OpenVinoEncoder(compiled, len(path.stages), info)

    def _compiled(
        self, backbone: Backbone, path: DualPath, original: bool, threads: int
    ) -> tuple[Any, str | None]:
        core = import_openvino().Core()
        if self.dtype == INT8:
            model, sha256 = self._quantised(core, backbone, path, original)
        else:
            model, sha256 = _convert(backbone, path, original), None
        compiled = core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _HINTS[self.dtype],
                "INFERENCE_NUM_THREADS": threads,
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": 1,
                # Images are decoded meanwhile, by threads that want the same CPUs.
                "ENABLE_CPU_PINNING": False,
            },
        )
        return compiled, sha256

    def _quantised(
        self, core: "openvino.Core", backbone: Backbone, path: DualPath, original: bool
    ) -> tuple["openvino.Model", str]:
        pictures = self.pictures
        if pictures is None:
            raise ConfigurationError("dtype int8: expected pictures to quantise with")
        reading = [str(path.taps), list(path.stages), original]
        key = artefact_key([backbone.digest, *reading, pictures.digest, quantiser()])

        def make() -> "openvino.Model":
            images = pictures.tensors(backbone.side, backbone.mean, backbone.std)
            return quantise(_convert(backbone, path, original), images)

        return keep_model(core, self.directory, key, make)


def _in_a_thread_of_its_own(make: Callable[[int], _Made]) -> _Made:
    """make(torch's number of threads), in a thread that ends with it.

    OpenVINO's CPU plugin gives the thread it is loaded in another stack for signal handlers, and
    frees it when the plugin goes. Of two plugins (NNCF loads its own) that do not go in reverse
    order, the first one's freed stack is put back, and the next signal kills the process.
    """
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(1, thread_name_prefix="openvino") as executor:
        return executor.submit(make, threads).result()


class OpenVinoEncoder:
    """See `StageEncoder`."""

    device = torch.device("cpu")

    def __init__(self, compiled: Any, stages: int, info: RuntimeInfo) -> None:
        self.info = info
        self._request = compiled.create_infer_request()
        self._count = stages

    def __call__(self, images: Tensor, *, original: bool) -> StageTokens:
        outputs = self._request.infer([images.contiguous().numpy()], share_inputs=True)
        tokens = tuple(torch.from_numpy(value) for value in outputs.values())
        # A ViT has surgery tokens of every stage, a ResNet of its last alone.
        originals = self._count if len(tokens) > self._count else 0
        surgery = len(tokens) - originals
        return StageTokens(tokens[:surgery], tokens[surgery:] if original else ())


class _Outputs(nn.Module):
    """A dual path with its tokens as one flat tuple, which is all that can be exported."""

    def __init__(self, path: DualPath, original: bool) -> None:
        super().__init__()
        self.path = path
        self.original = original

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        tokens = self.path(images, original=self.original)
        return (*tokens.surgery, *tokens.original)


def _convert(backbone: Backbone, path: DualPath, original: bool) -> "openvino.Model":
    openvino = import_openvino()
    shape = (3, backbone.side, backbone.side)
    with torch.no_grad():
        exported = torch.export.export(
            _Outputs(path, original).eval(),
            (torch.zeros(_EXAMPLES, *shape),),
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
        )
    model = openvino.convert_model(exported)
    model.reshape([-1, *shape])
    return model
