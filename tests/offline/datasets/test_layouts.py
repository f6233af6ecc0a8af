"""Every layout, read from a tiny copy: which samples there are, in which order, and their files."""

from pathlib import Path

import pytest

from app.clipad.prompts import Domain
from app.errors import DatasetError
from app.offline.datasets import LAYOUTS, Dataset, check_dataset, describe, open_dataset
from tests.offline.datasets import disk


def make(layout: str, root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    disk.BUILDERS[layout](root)
    return root


def shown(dataset: Dataset) -> list[str]:
    return [
        f"{sample.object} {sample.kind} {sample.image.relative_to(dataset.root).as_posix()}"
        for sample in dataset.samples
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_opens_and_its_files_decode(layout: str, tmp_path: Path) -> None:
    dataset = open_dataset(layout, make(layout, tmp_path / "data"))
    seen: list[tuple[int, int]] = []
    check_dataset(dataset, lambda done, total: seen.append((done, total)))
    count = len(dataset.samples)
    assert seen == [(done, count) for done in range(1, count + 1)]
    assert (dataset.layout, dataset.root) == (layout, tmp_path / "data")
    assert dataset.has_masks == (layout not in ("headct", "brainmri"))
    for sample in dataset.samples:
        assert sample.image.is_file()
        assert sample.anomalous == (sample.kind != "good")
        assert (sample.mask is not None) == (sample.anomalous and dataset.has_masks)
    assert [s for name in dataset.objects for s in dataset.of(name)] == list(dataset.samples)


def test_mvtec_is_sorted_by_name(tmp_path: Path) -> None:
    dataset = open_dataset("mvtec", make("mvtec", tmp_path))
    assert dataset.domain is Domain.INDUSTRIAL
    assert shown(dataset) == [
        f"{name} {kind} {name}/test/{kind}/{number}.png"
        for name, kinds in (
            ("bottle", ("broken_large", "good")),
            ("metal_nut", ("bent", "good", "scratch")),
        )
        for kind in kinds
        for number in ("000", "001")
    ]
    mask = tmp_path / "metal_nut" / "ground_truth" / "bent" / "001_mask.png"
    assert dataset.of("metal_nut")[1].mask == mask


def test_visa_follows_its_table_object_by_object(tmp_path: Path) -> None:
    dataset = open_dataset("visa", make("visa", tmp_path))
    assert dataset.objects == ("pcb1", "candle")
    assert [f"{s.kind} {s.image.name}" for s in dataset.of("candle")] == [
        "good 010.JPG", "anomaly 010.JPG", "good 002.JPG", "anomaly 002.JPG",
    ]  # fmt: skip
    assert dataset.of("pcb1")[1].mask == tmp_path / "pcb1/Data/Masks/Anomaly/010.png"
    assert len(dataset.samples) == 8


@pytest.mark.parametrize("layout", ["visa", "mvtec"])
@pytest.mark.parametrize("below", [".", "1cls"])
def test_visa_as_its_own_script_lays_it_out(layout: str, below: str, tmp_path: Path) -> None:
    disk.visa_prepared(tmp_path / below)
    dataset = open_dataset(layout, tmp_path if layout == "visa" else tmp_path / below)
    check_dataset(dataset)
    assert dataset.objects == ("pcb1", "pipe_fryum")
    assert [f"{s.kind} {s.image.name}" for s in dataset.of("pcb1")] == [
        "bad 000.JPG", "bad 001.JPG", "good 0002.JPG",
    ]  # fmt: skip
    assert dataset.has_masks
    truth = tmp_path / below / "pcb1" / "ground_truth"
    assert dataset.samples[0].mask == truth / "bad" / "000.png"
    for name in ("pcb1", "pipe_fryum"):  # for two classes
        truth = tmp_path / below / name / "ground_truth"
        truth.rename(truth.with_name("moved"))
        truth.mkdir()
        truth.with_name("moved").rename(truth / "test")
        disk.mask(truth / "train" / "bad" / "777.png")
    assert open_dataset(layout, dataset.root).has_masks


def test_btad_calls_good_ok(tmp_path: Path) -> None:
    disk.btad(tmp_path)
    dataset = open_dataset("mvtec", tmp_path)
    check_dataset(dataset)
    assert dataset.has_masks
    assert [f"{s.kind} {s.image.name}" for s in dataset.of("01")] == [
        "ko 0001.bmp", "ko 0002.bmp", "good 0001.bmp",
    ]  # fmt: skip
    assert dataset.of("02")[0].mask == tmp_path / "02" / "ground_truth" / "ko" / "0001.png"


@pytest.mark.parametrize("place", ["masks", "GroundTruth", "gt", "Ground Truth"])
def test_mvtec_s_masks_may_lie_in_a_folder_of_another_name(place: str, tmp_path: Path) -> None:
    disk.mvtec(tmp_path)
    truth = tmp_path / "bottle" / "ground_truth"
    truth.rename(truth.with_name(place))
    assert open_dataset("mvtec", tmp_path).has_masks
    disk.mask(tmp_path / "bottle" / "truth" / "good" / "000.png")
    with pytest.raises(DatasetError, match="expected one of them"):
        open_dataset("mvtec", tmp_path)


@pytest.mark.parametrize(
    ("layout", "object", "domain", "samples"),
    [
        ("headct", "head ct", Domain.HEADCT,
         ["hemorrhage head_ct/head_ct/002.png", "good head_ct/head_ct/000.png",
          "hemorrhage head_ct/head_ct/001.png"]),
        ("brainmri", "brain ct", Domain.BRAINMRI,
         [f"{kind} brain_tumor_dataset/{name}" for kind, name in
          (("good", "no/1 no.jpeg"), ("good", "no/no 2.JPG"), ("tumor", "yes/Y1.jpg"))]),
        ("isic", "skin", Domain.SKIN,
         [f"lesion ISBI2016_ISIC_Part1_Test_Data/ISIC_000000{n}.jpg" for n in (1, 3)]),
        ("cvc", "colon", Domain.COLON, [f"polyp Original/{n}.tif" for n in (1, 10, 2)]),
    ],
)  # fmt: skip
def test_medical_layouts(
    layout: str, object: str, domain: Domain, samples: list[str], tmp_path: Path
) -> None:
    dataset = open_dataset(layout, make(layout, tmp_path))
    assert dataset.objects == (object,)
    assert dataset.domain is domain
    assert shown(dataset) == [f"{object} {sample}" for sample in samples]


def test_brainmri_may_be_given_by_its_inner_folder(tmp_path: Path) -> None:
    make("brainmri", tmp_path)
    dataset = open_dataset("brainmri", tmp_path / "brain_tumor_dataset")
    assert len(dataset.samples) == 3


def test_objects_are_chosen_in_either_spelling(tmp_path: Path) -> None:
    root = make("mvtec", tmp_path)
    for name in ("metal_nut", "metal nut"):
        assert open_dataset("mvtec", root, [name]).objects == ("metal_nut",)
    both = open_dataset("mvtec", root, ["metal_nut", "bottle", "metal nut"])
    assert both.samples == open_dataset("mvtec", root, []).samples
    with pytest.raises(
        DatasetError, match=r"'screw' is unknown: expected one of bottle, metal_nut"
    ):
        open_dataset("mvtec", root, ["bottle", "screw"])


def test_what_was_not_chosen_may_be_incomplete(tmp_path: Path) -> None:
    root = make("mvtec", tmp_path)
    (root / "cable").mkdir()
    assert open_dataset("mvtec", root, ["bottle"]).objects == ("bottle",)
    with pytest.raises(DatasetError, match=r"cable/test does not exist"):
        open_dataset("mvtec", root)


def test_the_digest_knows_labels_and_contents_but_not_the_place(tmp_path: Path) -> None:
    first, second = (
        open_dataset("mvtec", make("mvtec", tmp_path / name)) for name in ("here", "there")
    )
    assert first.digest == second.digest
    assert open_dataset("mvtec", tmp_path / "here", ["bottle"]).digest != first.digest
    scratch = tmp_path / "there" / "metal_nut" / "test" / "scratch"
    scratch.rename(scratch.with_name("score"))
    truth = tmp_path / "there" / "metal_nut" / "ground_truth" / "scratch"
    truth.rename(truth.with_name("score"))
    assert open_dataset("mvtec", tmp_path / "there").digest != first.digest
    data = bytearray(first.samples[0].image.read_bytes())
    data[-1] ^= 1  # of the same size as before
    first.samples[0].image.write_bytes(data)
    assert first.digest != open_dataset("mvtec", make("mvtec", tmp_path / "fresh")).digest
    first.samples[0].image.unlink()
    with pytest.raises(DatasetError, match=r"000\.png"):
        _ = first.digest


def test_one_line_describes_a_data_set(tmp_path: Path) -> None:
    mvtec = open_dataset("mvtec", make("mvtec", tmp_path / "a"))
    assert describe(mvtec) == f"mvtec {tmp_path}/a: 2 objects, 10 images, 6 anomalous, 6 masks"
    head = open_dataset("headct", make("headct", tmp_path / "b"))
    assert describe(head).endswith("b: 1 object, 3 images, 2 anomalous, no masks")


def test_unknown_layouts_and_missing_roots(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"'mvtec-ad' is unknown: expected one of mvtec, visa"):
        open_dataset("mvtec-ad", tmp_path)
    for layout in LAYOUTS:
        with pytest.raises(DatasetError, match=r"nowhere does not exist"):
            open_dataset(layout, tmp_path / "nowhere")
        (tmp_path / layout).mkdir()
        with pytest.raises(DatasetError) as caught:
            open_dataset(layout, tmp_path / layout)
        assert str(tmp_path / layout) in str(caught.value)
        assert "\n" not in str(caught.value)
