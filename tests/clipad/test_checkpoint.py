import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.clipad.checkpoint import file_sha256, read_notes, read_state_dict
from app.errors import WeightsError

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}


def test_safetensors_and_torch_files_give_the_same_tensors(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "w.safetensors")
    torch.save(TENSORS, tmp_path / "w.pt")
    prefixed = {f"module.{key}": value for key, value in TENSORS.items()}
    torch.save({"epoch": 3, "state_dict": prefixed}, tmp_path / "w.pth")
    for name in ("w.safetensors", "w.pt", "w.pth"):
        read = read_state_dict(tmp_path / name)
        assert read.keys() == TENSORS.keys()
        assert all(torch.equal(read[key], value) for key, value in TENSORS.items())


class _Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("was-run"),))  # type: ignore[return-value]


def test_code_in_a_torch_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": _Malicious()}, tmp_path / "w.pt")
    (tmp_path / "raw.pt").write_bytes(pickle.dumps(_Malicious(), protocol=2))
    for name in ("w.pt", "raw.pt"):
        with pytest.raises(WeightsError, match="plain tensors"):
            read_state_dict(tmp_path / name)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
def test_torchscript_archives_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(tmp_path / "w.pt"))
    with pytest.raises(WeightsError, match="convert them to safetensors") as caught:
        read_state_dict(tmp_path / "w.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.safetensors", None, "no such file"),
        ("w.onnx", b"x", "expected a file ending in"),
        ("w.safetensors", b"not safetensors", "not a readable safetensors file"),
        ("w.safetensors", b"", "not a readable safetensors file"),
        ("w.pt", b"", "not a torch checkpoint"),
        ("w.pt", b"garbage", "not a torch checkpoint"),
    ],
)
def test_unreadable_files_are_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=message) as caught:
        read_state_dict(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_is_no_state_dict(tmp_path: Path) -> None:
    torch.save([torch.ones(2)], tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="dict of tensors"):
        read_state_dict(tmp_path / "w.pt")


def test_notes_come_from_metadata_and_from_the_file_beside(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(TENSORS, path, metadata={"quick_gelu": "true", "origin": "here"})
    assert read_notes(path) == {"quick_gelu": "true", "origin": "here"}
    (tmp_path / "w.safetensors.json").write_text(json.dumps({"quick_gelu": False}))
    assert read_notes(path) == {"quick_gelu": False, "origin": "here"}
    (tmp_path / "w.safetensors.json").write_text("[1]")
    with pytest.raises(WeightsError, match="JSON object"):
        read_notes(path)
    (tmp_path / "w.safetensors.json").write_text("{")
    with pytest.raises(WeightsError, match="not valid JSON"):
        read_notes(path)


def test_the_digest_is_of_the_files_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert file_sha256(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
