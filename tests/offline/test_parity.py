"""The comparison itself: it passes on the stored outputs, and fails on changed ones."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from app.errors import ConfigurationError
from app.offline.parity import Parity
from tests import parity


@pytest.mark.parametrize("model", parity.MODELS)
def test_every_stored_output_is_compared_and_equal(model: str) -> None:
    compared = {row.key: row for row in Parity(parity.FOLDER / model).compare()}
    inputs = ("head.", *(f"{taps}.mask" for taps in parity.taps_of(model)))
    stored = {key for key in parity.expected(model) if not key.startswith(inputs)}
    assert compared.keys() == stored
    assert [row for row in compared.values() if not row.passed] == []


@pytest.mark.parametrize(
    ("key", "change"),
    [("released.ft_map", 1e-4), ("released.losses", float("nan")), ("text.pca.carpet", 1e-4)],
)
def test_a_changed_output_is_found(key: str, change: float, tmp_path: Path) -> None:
    folder = shutil.copytree(parity.FOLDER / "tiny-vit", tmp_path / "changed")
    stored = load_file(folder / "expected.safetensors")
    flat = stored[key].view(-1)
    flat[0] += change
    save_file(stored, folder / "expected.safetensors")
    assert [row.key for row in Parity(folder).compare() if not row.passed] == [key]


def test_another_shape_is_a_difference(tmp_path: Path) -> None:
    folder = shutil.copytree(parity.FOLDER / "tiny-vit", tmp_path / "changed")
    stored = load_file(folder / "expected.safetensors")
    stored["equation.sdp_map"] = torch.zeros(3, 96, 95)
    save_file(stored, folder / "expected.safetensors")
    assert [row.key for row in Parity(folder).compare() if not row.passed] == ["equation.sdp_map"]


def test_a_folder_without_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"parity folder .*: has no config\.json"):
        Parity(tmp_path)
