"""Folders that hold masks are understood or refused by name, never counted as defects."""

from pathlib import Path

import pytest

from app.errors import DatasetError
from app.offline.datasets import open_dataset
from tests.offline.datasets.disk import mask, photo, picture


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two good pictures, and one of each of two kinds."""
    for name in ("good/1", "good/2", "scratch/3", "dent/4"):
        photo(tmp_path / f"{name}.png", seed=ord(name[-1]))
    return tmp_path


def kinds(root: Path) -> list[tuple[str, bool]]:
    return [(s.kind, s.mask is not None) for s in open_dataset("folder", root).samples]


WITH, WITHOUT = (
    [("dent", has), ("good", False), ("good", False), ("scratch", has)] for has in (True, False)
)


@pytest.mark.parametrize(
    "where",
    ["mask_dir", "gt", "GT", "ground truth", "GroundTruth", "annotations", "labels", "label",
     "Segmentations", "binary_masks", "masks_png", "mask_images"],
)  # fmt: skip
def test_folders_of_all_masks(root: Path, where: str) -> None:
    assert kinds(root) == WITHOUT
    mask(root / where / "3.png")
    mask(root / where / "dent" / "4_gt.bmp")
    assert kinds(root) == WITH


@pytest.mark.parametrize("name", ["{}_mask", "{}_masks", "{}-gt", "mask_{}", "{}_label", "{}Mask"])
def test_folders_of_one_kind_s_masks(root: Path, name: str) -> None:
    mask(root / name.format("scratch") / "3.png")
    with pytest.raises(DatasetError, match=r"dent/4\.png has no mask"):
        open_dataset("folder", root)
    mask(root / name.format("dent") / "4_mask.png")
    assert kinds(root) == WITH


@pytest.mark.parametrize("where", ["gt_old", "solder_mask", "masks_of_bob", "bent_mask"])
def test_masks_of_who_knows_what_are_refused(root: Path, where: str) -> None:
    mask(root / where / "3.png")
    with pytest.raises(DatasetError, match=f"{where} is called like masks, but not of which"):
        open_dataset("folder", root)


@pytest.mark.parametrize("where", ["bw", "thresholded", "Schwarzweiss"])
def test_masks_under_any_name_are_refused(root: Path, where: str) -> None:
    mask(root / where / "3.png")
    mask(root / where / "4.png", marked=False)
    with pytest.raises(DatasetError, match=f"{where}: its pictures have few values alone"):
        open_dataset("folder", root)


def test_drawings_are_no_masks_where_the_good_ones_are_drawn_too(tmp_path: Path) -> None:
    picture(tmp_path / "good" / "1.png")
    mask(tmp_path / "spot" / "1.png")
    assert [kind for kind, _ in kinds(tmp_path)] == ["good", "spot"]


def test_parts_have_labels_too(root: Path) -> None:
    photo(root / "wrong_label" / "9.png")
    photo(root / "label_missing" / "9.png")
    assert {kind for kind, _ in kinds(root)} == {
        "good", "scratch", "dent", "wrong_label", "label_missing",
    }  # fmt: skip


@pytest.mark.parametrize("where", ["labels", "annotated", "scratch_annotations"])
def test_pictures_with_something_drawn_on_them_are_refused(root: Path, where: str) -> None:
    photo(root / where / "3.png")
    with pytest.raises(DatasetError, match=f"{where} is called like masks, but its pictures do"):
        open_dataset("folder", root)


@pytest.mark.parametrize("name", ["3_mask", "3_GT", "mask_3", "3_label", "3-ground_truth"])
def test_masks_beside_their_pictures(root: Path, name: str) -> None:
    mask(root / "scratch" / f"{name}.png")
    mask(root / "dent" / f"{name.replace('3', '4')}.bmp")
    mask(root / "good" / f"{name.replace('3', '1')}.png", marked=False)
    assert kinds(root) == WITH
    mask(root / "good" / f"{name.replace('3', '2')}.png")
    with pytest.raises(DatasetError, match="marks 24 pixels of the good image"):
        open_dataset("folder", root)


def test_a_mask_beside_pictures_whose_own_is_missing(root: Path) -> None:
    mask(root / "scratch" / "3_mask.png")
    mask(root / "scratch" / "5_mask.png")
    with pytest.raises(DatasetError, match=r"5_mask\.png belongs to no image"):
        open_dataset("folder", root)


def test_two_views_of_a_part_are_two_pictures(root: Path) -> None:
    photo(root / "scratch" / "3_label.png")
    assert len(open_dataset("folder", root).samples) == 5


def test_a_mask_of_a_good_and_a_defective_picture_is_the_defective_ones(tmp_path: Path) -> None:
    for kind in ("good", "scratch"):
        photo(tmp_path / kind / "000.png")
    made = mask(tmp_path / "masks" / "000.png")
    masks = {s.kind: s.mask for s in open_dataset("folder", tmp_path).samples}
    assert masks == {"good": None, "scratch": made}
    photo(tmp_path / "dent" / "000.png")
    with pytest.raises(DatasetError, match=r"could belong to .*dent.* or .*scratch"):
        open_dataset("folder", tmp_path)


@pytest.mark.parametrize("name", ["ok", "OK", "normal", "Good"])
def test_good_may_be_called_otherwise_but_not_twice(root: Path, name: str) -> None:
    (root / "good").rename(root / name)
    assert sorted(kinds(root)) == WITHOUT
    photo(root / "gööd" / "1.png")
    assert ("gööd", False) in kinds(root)
    photo(root / "good" / "1.png")
    with pytest.raises(DatasetError, match="both say good"):
        open_dataset("folder", root)


def test_masks_laid_out_like_an_object_are_none(tmp_path: Path) -> None:
    for kind in ("good", "scratch"):
        photo(tmp_path / "valve" / kind / "1.png")
        mask(tmp_path / "gt" / kind / "1.png", marked=kind != "good")
    with pytest.raises(DatasetError, match="gt is called like masks and its pictures look like"):
        open_dataset("folder", tmp_path)
    for kind in ("good", "scratch"):
        photo(tmp_path / "gt" / kind / "1.png")  # an object of that name
    assert open_dataset("folder", tmp_path).objects == ("gt", "valve")
