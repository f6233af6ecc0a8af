"""What is named instead of MVTec-AD's layout where its masks are missing."""

import shutil
from pathlib import Path

import pytest

from app.errors import DatasetError
from app.offline.datasets import open_dataset
from tests.offline.datasets import disk


def said(root: Path, *objects: str) -> str:
    with pytest.raises(DatasetError) as caught:
        open_dataset("mvtec", root, objects)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_masks_the_folder_of_an_object_s_pictures(tmp_path: Path) -> None:
    disk.mvtec(tmp_path)
    for name in ("metal_nut", "bottle"):
        shutil.rmtree(tmp_path / name / "ground_truth")
    for words, name in (
        (said(tmp_path), "bottle"),
        (said(tmp_path, "metal nut"), "metal_nut"),
        (said(tmp_path / "bottle"), "bottle"),
    ):
        place = tmp_path / name / "test"
        assert words.endswith(f"the layout folder would do, an object at a time: folder {place} "
                              f"--object-name {name}")  # fmt: skip
        dataset = open_dataset("folder", place, object_name=name)
        assert (dataset.objects, dataset.has_masks) == ((name,), False)


def test_a_folder_of_the_other_layout(tmp_path: Path) -> None:
    (tmp_path / "valve").mkdir()
    disk.folder(tmp_path / "valve")
    for root in (tmp_path, tmp_path / "valve"):
        assert said(root).endswith(f"; the layout folder would do: folder {root}")
        assert open_dataset("folder", root).objects == ("valve",)


def test_nothing_is_named_where_it_would_not_do(tmp_path: Path) -> None:
    disk.mvtec(tmp_path / "a")
    (tmp_path / "a" / "metal_nut" / "ground_truth" / "bent" / "001_mask.png").unlink()
    disk.mvtec(tmp_path / "b")
    shutil.rmtree(tmp_path / "b" / "bottle" / "ground_truth")
    shutil.rmtree(tmp_path / "b" / "bottle" / "test" / "good")
    (tmp_path / "c").mkdir()
    for root in ("a", "b", "c"):
        assert "folder would do" not in said(tmp_path / root)
    with pytest.raises(DatasetError) as caught:
        open_dataset("visa", tmp_path / "b")
    assert "folder would do" not in str(caught.value)
