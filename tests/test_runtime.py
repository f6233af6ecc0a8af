"""Choices of a runtime: what goes together, and what is refused in one line."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from app.clipad.runtimes.openvino_runtime import OpenVinoRuntime
from app.clipad.runtimes.torch_runtime import Compilation, TorchRuntime
from app.errors import ConfigurationError
from app.pictures import FolderPictures, GeneratedPictures
from app.runtime import Choice, choose_runtime
from tests.pictures import PNG


def choose(**given: object) -> Choice:
    wishes = {
        "runtime": "torch", "device": "auto", "dtype": "auto", "compile": Compilation.OFF,
        "int8_pictures": None, "model_dir": Path("models"),
    }  # fmt: skip
    return choose_runtime(SimpleNamespace(**(wishes | given)))  # type: ignore[arg-type]


def test_torch_takes_device_and_dtype_as_they_are() -> None:
    chosen = choose(device="cuda:1", dtype="bfloat16", compile=Compilation.CUDA_GRAPHS)
    assert chosen == Choice(TorchRuntime(Compilation.CUDA_GRAPHS), "cuda:1", "bfloat16")


@pytest.mark.parametrize(
    ("dtype", "meant"), [("auto", "float32"), ("bfloat16", "bfloat16"), ("int8", "int8")]
)
def test_openvino_reads_a_float32_backbone_on_the_cpu(dtype: str, meant: str) -> None:
    chosen = choose(runtime="openvino", dtype=dtype)
    assert (chosen.device, chosen.dtype) == ("cpu", "float32")
    assert isinstance(chosen.runtime, OpenVinoRuntime)
    assert chosen.runtime.dtype == meant
    assert chosen.runtime.directory == Path("models/openvino")
    assert isinstance(chosen.runtime.pictures, GeneratedPictures)


def test_openvino_takes_own_pictures(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(PNG)
    chosen = choose(runtime="openvino", dtype="int8", int8_pictures=tmp_path)
    assert isinstance(chosen.runtime, OpenVinoRuntime)
    assert isinstance(chosen.runtime.pictures, FolderPictures)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"runtime": "onnx"}, "runtime 'onnx': expected torch or openvino"),
        ({"dtype": "int8"}, "dtype int8: needs runtime openvino, got torch"),
        ({"runtime": "openvino", "device": "cuda"}, "device 'cuda': runtime openvino expects"),
        ({"runtime": "openvino", "compile": Compilation.ON}, "compile on: needs runtime torch"),
        (
            {"runtime": "openvino", "int8_pictures": Path("absent")},
            r"pictures 'absent' to quantise with: cannot be read \(FileNotFoundError\)",
        ),
    ],
)
def test_what_does_not_go_together(given: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        choose(**given)
