"""What names of folders and files say of masks."""

import unicodedata

import pytest

from app.offline.datasets.mask_names import key, mask_name, pictures_of, says_mask_for_sure

OF_ALL = (
    "mask", "Masks", "mask_dir", "maskDir", "mask-folder", "gt", "GT", "gt_masks", "ground truth",
    "ground_truth", "GroundTruth", "groundtruth", "Ground-Truth", "segmentation", "Segmentations",
    "seg", "masks2", "masks_png", "binary_masks", "defect_masks", "test_masks", "Masken",
    "pixel masks", "SegmentationClass", "gt_images", "binarymask",
)  # fmt: skip
PERHAPS = ("label", "labels", "Labels", "annotations", "annotation_files", "annotated", "labelmap")
NONE = (
    "good", "scratch", "unmasked", "bent_lead", "guilt", "legt", "gtx", "labelling machine",
    "segment", "truthful", "masking",
)  # fmt: skip


@pytest.mark.parametrize("name", [*OF_ALL, *PERHAPS])
def test_masks_of_all(name: str) -> None:
    said = mask_name(name)
    assert said is not None
    assert said.of_all
    assert said.sure == (name in OF_ALL)
    assert said.of(["scratch", "good"]) is None


@pytest.mark.parametrize("name", NONE)
def test_names_of_kinds(name: str) -> None:
    said = mask_name(name)
    assert said is None


@pytest.mark.parametrize(
    "name",
    ["scratch_2_mask", "mask_scratch_2", "Scratch 2 GT", "scratch-2-masks", "scratch_2_labels",
     "scratch_2_defect_masks", "masks of scratch_2"],
)  # fmt: skip
def test_masks_of_one_kind(name: str) -> None:
    said = mask_name(name)
    assert said is not None
    assert said.of(["good", "scratch_2", "scratch"]) == "scratch_2"
    assert not said.of_all


def test_a_kind_may_be_called_like_what_fills_names() -> None:
    said = mask_name("defect_mask")
    assert said is not None
    assert said.of(["good"]) is None
    assert said.of(["good", "defect"]) == "defect"
    assert mask_name("scratchmask") == mask_name("scratch_mask")


def test_names_are_compared_by_their_words() -> None:
    assert key("Scratch_2") == key("scratch 2") == ("scratch", "2")
    assert key(unicodedata.normalize("NFD", "Öse")) == key("öse")


@pytest.mark.parametrize(
    "mask",
    ["7", "7_mask", "7-mask", "7.mask", "7 mask", "7_MASK", "7_gt", "7_GT", "7_ground_truth",
     "7_label", "mask_7", "gt-7", "7_gt_mask", "7.png", "7_mask.jpg", "7_Segmentation"],
)  # fmt: skip
def test_what_a_mask_s_picture_may_be_called(mask: str) -> None:
    assert "7" in pictures_of(mask)
    sure = mask not in ("7", "7.png", "7_mask.jpg", "7_label")
    assert says_mask_for_sure(mask) == sure


@pytest.mark.parametrize("name", ["masked", "7mask", "unmask_7", "m", "mask", "7_masks_left"])
def test_other_names_are_whole(name: str) -> None:
    assert pictures_of(name) == {name}
    assert not says_mask_for_sure(name)
