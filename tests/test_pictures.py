"""Pictures to quantise with: generated ones vary, given ones are read as the service reads them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from app.errors import ConfigurationError
from app.images.reading import ImageLimits, decode_image
from app.images.tensors import to_tensor
from app.pictures import COUNT, FolderPictures, GeneratedPictures
from app.pictures.surfaces import generated_picture
from tests.pictures import PNG, RED

NORMAL = {"side": 16, "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}


def test_generated_pictures_vary_and_come_again() -> None:
    pictures = [generated_picture(seed, 48) for seed in range(20)]
    assert all(picture.shape == (48, 48, 3) for picture in pictures)
    np.testing.assert_array_equal(pictures[7], generated_picture(7, 48))
    means = np.array([picture.mean() for picture in pictures])
    spreads = np.array([picture.std() for picture in pictures])
    assert np.ptp(means) > 50
    assert np.ptp(spreads) > 20


def test_generated_tensors() -> None:
    tensors = list(GeneratedPictures().tensors(**NORMAL))  # type: ignore[arg-type]
    assert len(tensors) == COUNT
    assert {tensor.shape for tensor in tensors} == {(1, 3, 16, 16)}


def test_a_folder_s_pictures_are_decoded_as_posted_ones(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(RED)
    (tmp_path / "a.png").write_bytes(PNG)
    source = FolderPictures(tmp_path)
    first, second = source.tensors(**NORMAL)  # type: ignore[arg-type]
    limits = ImageLimits(10**6, 10**6)
    for tensor, data in ((first, PNG), (second, RED)):
        expected = to_tensor(decode_image(data, limits), **NORMAL)  # type: ignore[arg-type]
        assert torch.equal(tensor[0], expected)
    digest = source.digest
    (tmp_path / "a.png").write_bytes(RED)
    assert FolderPictures(tmp_path).digest != digest


def test_of_many_a_spread_choice(tmp_path: Path) -> None:
    for number in range(3 * COUNT):
        (tmp_path / f"{number:04}.png").write_bytes(PNG if number < 2 * COUNT else RED)
    tensors = list(FolderPictures(tmp_path).tensors(**NORMAL))  # type: ignore[arg-type]
    assert len(tensors) == COUNT
    assert len({tensor.sum().item() for tensor in tensors}) == 2


@pytest.mark.parametrize("litter", [".DS_Store", "._a.png", "Thumbs.db", "desktop.ini"])
def test_litter_is_left_out(litter: str, tmp_path: Path) -> None:
    (tmp_path / litter).write_bytes(b"litter")
    with pytest.raises(ConfigurationError, match="there are none in this folder"):
        FolderPictures(tmp_path)
    (tmp_path / "a.png").write_bytes(PNG)
    source = FolderPictures(tmp_path)
    assert len(list(source.tensors(**NORMAL))) == 1  # type: ignore[arg-type]
    (tmp_path / litter).unlink()
    assert FolderPictures(tmp_path).digest == source.digest


@pytest.mark.parametrize("name", ["a.gif", "a.jp2", "a", "a.json"])
def test_what_is_no_litter_and_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"GIF89a")
    with pytest.raises(ConfigurationError, match=f"{name}' to quantise with: "):
        list(FolderPictures(tmp_path).tensors(**NORMAL))  # type: ignore[arg-type]


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there are none in this folder"):
        FolderPictures(tmp_path)
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ConfigurationError, match=r"notes\.txt' to quantise with: content of 10"):
        list(FolderPictures(tmp_path).tensors(**NORMAL))  # type: ignore[arg-type]
