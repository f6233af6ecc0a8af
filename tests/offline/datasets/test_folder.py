"""The `folder` layout: one object or several, and which mask belongs to which picture."""

import unicodedata
from pathlib import Path

import pytest

from app.errors import DatasetError
from app.offline.datasets import check_dataset, open_dataset
from tests.offline.datasets.disk import folder, mask, picture


def test_one_object_is_called_like_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "brake_disc"
    root.mkdir()
    folder(root)
    dataset = open_dataset("folder", root)
    assert dataset.objects == ("brake_disc",)
    assert [(s.kind, s.image.name) for s in dataset.samples] == [
        ("délaminé", "Schräg 1.bmp"),
        ("good", "a.PNG"),
        ("good", "b.jpg"),
        ("scratch", "Schräg 1.bmp"),
    ]
    assert open_dataset("folder", root, object_name="disc").objects == ("disc",)
    monkeypatch.chdir(root)
    assert open_dataset("folder", Path()).objects == ("brake_disc",)


def test_several_objects(tmp_path: Path) -> None:
    for name in ("valve", "pump_head"):
        (tmp_path / name).mkdir()
        folder(tmp_path / name)
    assert open_dataset("folder", tmp_path).objects == ("pump_head", "valve")
    assert open_dataset("folder", tmp_path, ["pump head"]).objects == ("pump_head",)
    with pytest.raises(DatasetError, match="good does not exist"):
        open_dataset("folder", tmp_path, object_name="pump")
    (tmp_path / "hose" / "burst").mkdir(parents=True)
    with pytest.raises(DatasetError, match="hose/good does not exist"):
        open_dataset("folder", tmp_path)
    picture(tmp_path / "hose" / "good" / "1.png")
    picture(tmp_path / "hose" / "burst" / "1.png")
    with pytest.raises(DatasetError, match=r"hose/burst/1\.png has no mask"):
        open_dataset("folder", tmp_path)


@pytest.mark.parametrize("where", ["masks", "Mask", "ground_truth"])
@pytest.mark.parametrize("name", ["7.tif", "7_mask.PNG", "hole/7.bmp", "hole/7_mask.png"])
def test_places_and_names_of_masks(where: str, name: str, tmp_path: Path) -> None:
    picture(tmp_path / "good" / "6.png")
    picture(tmp_path / "hole" / "7.jpg")
    made = mask(tmp_path / where / name)
    dataset = open_dataset("folder", tmp_path)
    check_dataset(dataset)
    assert dataset.has_masks
    assert [sample.mask for sample in dataset.samples] == [None, made]


def test_no_masks_at_all(tmp_path: Path) -> None:
    picture(tmp_path / "good" / "1.png")
    assert not open_dataset("folder", tmp_path).has_masks
    picture(tmp_path / "hole" / "1.png")
    dataset = open_dataset("folder", tmp_path)
    assert not dataset.has_masks
    assert all(sample.mask is None for sample in dataset.samples)
    (tmp_path / "masks").mkdir()
    with pytest.raises(DatasetError, match="masks holds no mask"):
        open_dataset("folder", tmp_path)


def test_a_good_picture_may_have_an_empty_mask(tmp_path: Path) -> None:
    folder(tmp_path)
    mask(tmp_path / "masks" / "good" / "a.png", marked=False)
    dataset = open_dataset("folder", tmp_path)
    assert dataset.has_masks
    assert all(sample.mask is None for sample in dataset.samples if not sample.anomalous)


def test_names_that_a_file_system_took_apart_still_match(tmp_path: Path) -> None:
    name = "Öse"
    picture(tmp_path / "good" / "1.png")
    picture(tmp_path / "hole" / f"{unicodedata.normalize('NFC', name)}.png")
    mask(tmp_path / "masks" / f"{unicodedata.normalize('NFD', name)}.png")
    assert open_dataset("folder", tmp_path).has_masks
