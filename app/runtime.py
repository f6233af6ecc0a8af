"""From an operator's choices to what runs the image encoder; senseless ones are refused here.

Knows nothing of where the choices were written down.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.clipad.choices import RUNTIMES, Compilation
from app.clipad.runtimes.model import Runtime
from app.clipad.runtimes.openvino_runtime import INT8, OpenVinoRuntime
from app.clipad.runtimes.torch_runtime import TorchRuntime
from app.errors import ConfigurationError
from app.pictures import FolderPictures, GeneratedPictures

_AUTO = "auto"
_ARTEFACTS = "openvino"  # folder in the one of the weights


class Wishes(Protocol):
    """What an operator chooses. int8_pictures: a folder to fit int8 to, None for generated ones;
    model_dir: int8 models are kept in a folder of it.
    """

    @property
    def runtime(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def compile(self) -> Compilation: ...
    @property
    def int8_pictures(self) -> Path | None: ...
    @property
    def model_dir(self) -> Path: ...


@dataclass(frozen=True)
class Choice:
    """A runtime, with the device and the dtype that its backbone is to be loaded with."""

    runtime: Runtime
    device: str
    dtype: str


def choose_runtime(wishes: Wishes) -> Choice:
    """`torch` or `openvino`. Raises ConfigurationError for what does not go together."""
    if wishes.runtime not in RUNTIMES:
        raise ConfigurationError(f"runtime {wishes.runtime!r}: expected {' or '.join(RUNTIMES)}")
    if wishes.runtime == "torch":
        if wishes.dtype == INT8:
            raise ConfigurationError("dtype int8: needs runtime openvino, got torch")
        return Choice(TorchRuntime(wishes.compile), wishes.device, wishes.dtype)
    if wishes.device not in (_AUTO, "cpu"):
        raise ConfigurationError(f"device {wishes.device!r}: runtime openvino expects auto or cpu")
    if wishes.compile is not Compilation.OFF:
        raise ConfigurationError(f"compile {wishes.compile}: needs runtime torch, got openvino")
    folder = wishes.int8_pictures
    pictures = GeneratedPictures() if folder is None else FolderPictures(folder)
    dtype = "float32" if wishes.dtype == _AUTO else wishes.dtype
    runtime = OpenVinoRuntime(dtype, pictures, wishes.model_dir / _ARTEFACTS)
    return Choice(runtime, "cpu", "float32")
