"""Files of linear heads: a round trip, published files, and every refusal."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from app.clipad.choices import Taps
from app.clipad.dual_path import dual_path
from app.clipad.heads import LinearHeads
from app.clipad.heads_file import HeadsFile, HeadsNotes, load_heads, save_heads
from app.errors import HeadsError
from tests import parity
from tests.clipad.test_heads import parity_heads


def notes_for(model: str) -> HeadsNotes:
    """Notes of heads made for a parity model."""
    backbone = parity.backbone(model)
    tower = dual_path(backbone.model.visual)
    return HeadsNotes(
        backbone=backbone.name,
        weights_sha256=backbone.weights_sha256,
        stages=tower.stages,
        stage_ends=tower.stage_ends,
        taps=Taps.EQUATION,
        created="2026-01-02",
        training={"objects": ["metal nut"], "rate": 1e-4},
        figures={"pixel_auroc": 0.5},
    )


def published(path: Path, tensors: dict[str, torch.Tensor], within: str = "linear_layers") -> Path:
    """A .pth file as heads are published."""
    torch.save({within: tensors}, path)
    return path


def assert_heads_equal(found: HeadsFile, heads: LinearHeads) -> None:
    for key, value in heads.state_dict().items():
        torch.testing.assert_close(found.heads.state_dict()[key], value, atol=0, rtol=0)


@pytest.mark.parametrize("model", parity.MODELS)
def test_what_is_saved_comes_back_with_its_notes(model: str, tmp_path: Path) -> None:
    path, heads = tmp_path / "new" / "heads.safetensors", parity_heads(model, "head")
    save_heads(path, heads, notes_for(model))
    found = load_heads(path, parity.backbone(model))
    assert found.notes == notes_for(model)
    assert_heads_equal(found, heads)
    assert not found.heads.training
    assert not any(parameter.requires_grad for parameter in found.heads.parameters())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(("depth", "relu"), [(3, False), (3, True), (5, True)])
def test_deeper_mappings_come_back_too(depth: int, relu: bool, tmp_path: Path) -> None:
    heads = LinearHeads((64,) * 4, 32, depth, relu)
    linear = [part for part in heads.fc[0].modules() if isinstance(part, torch.nn.Linear)]
    assert [layer.in_features for layer in linear] == [64, *[32] * (depth - 1)]
    assert sum(isinstance(part, torch.nn.ReLU) for part in heads.fc[0].modules()) == (
        depth - 1 if relu else 0
    )
    notes = replace(notes_for("tiny-vit"), depth=depth, relu=relu)
    save_heads(tmp_path / "heads.safetensors", heads, notes)
    found = load_heads(tmp_path / "heads.safetensors", parity.backbone("tiny-vit"))
    assert_heads_equal(found, heads)
    patches = [torch.randn(2, 9, 64) for _ in range(4)]
    for ours, theirs in zip(heads(patches), found.heads(patches), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_stage_subsets_keep_their_numbers(tmp_path: Path) -> None:
    notes = replace(notes_for("tiny-vit"), stages=(2, 4), stage_ends=(6, 12))
    save_heads(tmp_path / "heads.safetensors", LinearHeads((64, 64), 32), notes)
    found = load_heads(tmp_path / "heads.safetensors", parity.backbone("tiny-vit"))
    assert found.notes.stages == (2, 4)


@pytest.mark.parametrize("model", parity.MODELS)
def test_published_heads_are_taken_as_released(model: str, tmp_path: Path) -> None:
    heads = parity_heads(model, "head")
    file = published(tmp_path / "visa.pth", heads.state_dict())
    found = load_heads(file, parity.backbone(model))
    assert_heads_equal(found, heads)
    assert (found.notes.taps, found.notes.backbone) == (Taps.RELEASED, None)


def test_a_file_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path(tmp_path / "sprung").touch, ())

    with (tmp_path / "heads.pth").open("wb") as file:
        pickle.dump({"linear_layers": {"fc.0.weight": Trap()}}, file, protocol=2)
    with pytest.raises(HeadsError, match=r"heads .*heads\.pth: not a torch checkpoint"):
        load_heads(tmp_path / "heads.pth", parity.backbone("tiny-vit"))
    assert not (tmp_path / "sprung").exists()


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    backbone = parity.backbone("tiny-vit")
    with pytest.raises(HeadsError, match=r"^heads .*none\.safetensors: no such file"):
        load_heads(tmp_path / "none.safetensors", backbone)
    (tmp_path / "half.safetensors").write_bytes(b"\x08\0\0\0")
    with pytest.raises(HeadsError, match=r"^heads .*half\.safetensors: not a readable"):
        load_heads(tmp_path / "half.safetensors", backbone)
    (tmp_path / "heads.txt").write_text("no")
    with pytest.raises(HeadsError, match="expected a file ending in"):
        load_heads(tmp_path / "heads.txt", backbone)
    weights = Path(parity.files("tiny-vit")[1])
    with pytest.raises(HeadsError, match=r"its format is None; expected 'clip-ad heads 1'"):
        load_heads(weights, backbone)


def test_heads_of_other_weights_are_refused_naming_both(tmp_path: Path) -> None:
    backbone = parity.backbone("tiny-vit")
    path = tmp_path / "heads.safetensors"
    notes = replace(notes_for("tiny-vit"), backbone="ViT-B-16", weights_sha256="ab" * 32)
    save_heads(path, parity_heads("tiny-vit", "head"), notes)
    with pytest.raises(HeadsError) as refused:
        load_heads(path, backbone)
    for part in ("ViT-B-16", "abababababab", backbone.name, backbone.weights_sha256[:12]):
        assert part in str(refused.value)


def test_heads_of_another_width_are_refused_naming_both(tmp_path: Path) -> None:
    path = tmp_path / "heads.safetensors"
    save_heads(path, LinearHeads((48,) * 4, 32), notes_for("tiny-vit"))
    with pytest.raises(HeadsError, match=r"\(32, 48\); .* \(width 64, embedding 32\) .*\(32, 64\)"):
        load_heads(path, parity.backbone("tiny-vit"))
    file = published(tmp_path / "heads.pth", parity_heads("tiny-resnet", "head").state_dict())
    with pytest.raises(HeadsError, match=r"backbone tiny-vit \(width 64, embedding 32\)"):
        load_heads(file, parity.backbone("tiny-vit"))


def test_other_stages_and_other_layers_are_refused(tmp_path: Path) -> None:
    backbone, path = parity.backbone("tiny-vit"), tmp_path / "heads.safetensors"
    heads = parity_heads("tiny-vit", "head")
    save_heads(path, heads, replace(notes_for("tiny-vit"), stage_ends=(6, 12, 18, 24)))
    with pytest.raises(HeadsError, match=r"layers 6, 12, 18, 24; .* end at 3, 6, 9, 12"):
        load_heads(path, backbone)
    fewer = dict(list(heads.state_dict().items())[:4])
    with pytest.raises(HeadsError, match=r"hold fc\.0\.bias, .* expected fc\.0\.bias, .*fc\.3"):
        load_heads(published(tmp_path / "two.pth", fewer), backbone)
    save_heads(path, heads, replace(notes_for("tiny-vit"), stages=(1, 2, 3, 5)))
    with pytest.raises(HeadsError, match="expected a choice from 1 to 4"):
        load_heads(path, backbone)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = parity_heads("tiny-vit", "head").state_dict()
    state["fc.2.bias"][3] = float("nan")
    with pytest.raises(HeadsError, match=r"fc\.2\.bias holds values that are not finite"):
        load_heads(published(tmp_path / "heads.pth", state), parity.backbone("tiny-vit"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stages", None),
        ("stages", "[1, 2"),
        ("taps", "both"),
        ("recommended", "winclip"),
        ("training", "[]]"),
        ("depth", "one"),
    ],
)
def test_spoilt_metadata_is_refused(key: str, value: str | None, tmp_path: Path) -> None:
    path = tmp_path / "heads.safetensors"
    save_heads(path, parity_heads("tiny-vit", "head"), notes_for("tiny-vit"))
    header = json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])
    metadata = {name: text for name, text in header["__metadata__"].items() if name != key}
    save_file(load_file(path), path, metadata if value is None else {**metadata, key: value})
    with pytest.raises(HeadsError, match=rf"heads\.safetensors: metadata '{key}' is "):
        load_heads(path, parity.backbone("tiny-vit"))
