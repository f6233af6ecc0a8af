"""Data sets with something wrong: an error that names the file, and nothing decoded too late."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from app.errors import DatasetError
from app.offline.datasets import check_dataset, load_image, load_mask, open_dataset
from tests.offline.datasets import disk

Break = Callable[[Path], object]


def edit(name: str, old: str, new: str) -> Break:
    """Replace a piece of a text file."""

    def change(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))

    return change


def remove(name: str) -> Break:
    """Remove a file, or every picture of a folder."""

    def change(root: Path) -> None:
        path = root / name
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            file.unlink()

    return change


NUT, TABLE = "metal_nut/ground_truth", "split_csv/1cls.csv"
ISIC = "ISBI2016_ISIC_Part1_Test_"

WRONG_AT_OPENING: list[tuple[str, Break, str]] = [
    ("mvtec", remove(f"{NUT}/bent/001_mask.png"), f"{NUT}/bent/001_mask.png does not exist"),
    ("mvtec", remove("metal_nut/test/bent/001.png"), f"{NUT}/bent/001_mask.png belongs to no"),
    ("mvtec", remove("bottle/test/good"), "bottle/test/good holds no picture"),
    ("mvtec", lambda root: disk.picture(root / "bottle/test/9.png"), "9.png lies in no folder"),
    ("mvtec", lambda root: disk.picture(root / "test/good/9.png"), "not a folder of objects"),
    ("mvtec", lambda root: disk.picture(root / "metal_nut/test/bent/001.bmp"), "could belong"),
    ("visa", remove(TABLE), f"{TABLE} does not exist"),
    ("visa", edit(TABLE, "label", "lable"), "no column 'label'"),
    ("visa", edit(TABLE, "Normal/010.JPG", "Normal/011.JPG"), "line 2: image .*011.JPG does not"),
    ("visa", edit(TABLE, "Masks/Anomaly/010", "Masks/Anomaly/1"), "line 3: mask .*1.png does not"),
    ("visa", edit(TABLE, ",pcb1/Data/Masks/Anomaly/010.png", ","), "line 3: no mask"),
    ("visa", edit(TABLE, "test,anomaly", "test,broken"), "label 'broken'"),
    ("visa", edit(TABLE, "train,", "val,"), "split 'val'"),
    ("visa", edit(TABLE, "test,", "train,"), "no row of split 'test'"),
    ("visa", edit(TABLE, "Images/Normal/002", "Images/Normal/010"), "again"),
    (
        "visa",
        edit(TABLE, ",normal,pcb1/Data/Images/Normal/010.JPG,", ",normal"),
        "line 2: no value",
    ),
    ("visa", lambda root: (root / TABLE).write_bytes(b"object\xff\xfe"), f"{TABLE} cannot be read"),
    ("visa", lambda root: (root / TABLE).write_text(""), "no column 'object'"),
    ("headct", remove("labels.csv"), "labels.csv does not exist"),
    ("headct", edit("labels.csv", " hemorrhage", "label"), "no column 'hemorrhage'"),
    ("headct", edit("labels.csv", "2, 1", "3, 1"), "line 2: image .*003.png does not exist"),
    ("headct", edit("labels.csv", "2, 1", "2, yes"), "line 2: hemorrhage 'yes'"),
    ("headct", edit("labels.csv", "2, 1", "two, 1"), "id 'two'"),
    ("headct", edit("labels.csv", "2, 1", "0, 1"), "line 3: id 0 again"),
    ("headct", edit("labels.csv", "2, 1\n", ""), "002.png has no row in .*labels.csv"),
    ("headct", lambda root: disk.picture(root / "head_ct/head_ct/002.jpg"), "one of a number"),
    ("headct", remove("head_ct/head_ct"), "head_ct/head_ct holds no picture"),
    ("brainmri", remove("brain_tumor_dataset/yes"), "brain_tumor_dataset/yes holds no picture"),
    ("isic", remove(f"{ISIC}GroundTruth/ISIC_0000001_Segmentation.png"), "0001.jpg has no mask"),
    ("isic", remove(f"{ISIC}Data/ISIC_0000001.jpg"), "0001_Segmentation.png belongs to no image"),
    ("cvc", remove("Ground Truth/10.tif"), "Original/10.tif has no mask"),
    ("cvc", remove("Original/10.tif"), "Ground Truth/10.tif belongs to no image"),
    ("folder", remove("good"), "good holds no picture"),
    ("folder", remove("masks/scratch/Schräg 1.png"), "scratch/Schräg 1.bmp has no mask"),
    ("folder", lambda root: disk.mask(root / "masks/typo.png"), "typo.png belongs to no image"),
    ("folder", lambda root: disk.mask(root / "masks/scrtch/a.png"), "scrtch/a.png belongs to no"),
    ("folder", lambda root: disk.mask(root / "masks/good/a.png"), "marks 24 pixels of the good"),
    ("folder", lambda root: disk.mask(root / "masks/scratch/Schräg 1_mask.png"), "has two masks"),
    ("folder", lambda root: disk.mask(root / "masks/Schräg 1.png"), "could belong to"),
    ("folder", lambda root: disk.mask(root / "Ground_Truth/a.png"), "expected one of them"),
    ("folder", lambda root: disk.picture(root / "stray.png"), "stray.png lies in no folder"),
    ("folder", lambda root: (root / "dent").mkdir(), "dent holds no picture"),
    ("folder", lambda root: disk.picture(root / "good/more/a.png"), "more/a.png lies .*too deep"),
    (
        "folder",
        lambda root: (root / "good" / "b.jpg").rename(root / "good" / "b\udcff.jpg"),
        r"b\\udcff.jpg': expected UTF-8",
    ),
]


@pytest.mark.parametrize(("layout", "change", "words"), WRONG_AT_OPENING)
def test_what_is_missing_or_does_not_fit(
    layout: str, change: Break, words: str, tmp_path: Path
) -> None:
    disk.BUILDERS[layout](tmp_path)
    open_dataset(layout, tmp_path)
    change(tmp_path)
    with pytest.raises(DatasetError, match=words) as caught:
        open_dataset(layout, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 8] ^= 4
    path.write_bytes(data)


def turn_to_text(path: Path) -> None:
    path.write_text("no picture at all")


IMAGE, MASK = "metal_nut/test/bent/001.png", f"{NUT}/bent/001_mask.png"


@pytest.mark.parametrize("name", [IMAGE, MASK])
@pytest.mark.parametrize("harm", [truncate, flip_a_bit, turn_to_text, Path.unlink])
def test_a_file_that_cannot_be_read(
    name: str, harm: Callable[[Path], None], tmp_path: Path
) -> None:
    disk.mvtec(tmp_path)
    dataset = open_dataset("mvtec", tmp_path)
    harm(tmp_path / name)
    with pytest.raises(DatasetError) as caught:
        check_dataset(dataset)
    assert str(tmp_path / name) in str(caught.value)
    sample = next(sample for sample in dataset.samples if sample.image == tmp_path / IMAGE)
    load: Callable[[], object] = (
        (lambda: load_image(sample)) if name == IMAGE else (lambda: load_mask(sample, 4))
    )
    with pytest.raises(DatasetError, match=r"001(_mask)?\.png"):
        load()


def test_a_mask_of_another_size(tmp_path: Path) -> None:
    disk.mvtec(tmp_path)
    disk.mask(tmp_path / MASK, size=(8, 12))
    dataset = open_dataset("mvtec", tmp_path)
    sample = next(sample for sample in dataset.samples if sample.mask == tmp_path / MASK)
    words = rf"{MASK} is 8 x 12: expected 12 x 8 as its image .*{IMAGE}"
    with pytest.raises(DatasetError, match=words):
        check_dataset(dataset)
    with pytest.raises(DatasetError, match=words):
        load_mask(sample, 4)


def test_a_mask_that_claims_to_be_huge_is_not_decoded(tmp_path: Path) -> None:
    disk.mvtec(tmp_path)
    header = struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", b""), (b"IEND", b"")]
    (tmp_path / MASK).write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    )
    with pytest.raises(DatasetError, match=r"001_mask\.png: image is 1048576 x 1048576 = "):
        check_dataset(open_dataset("mvtec", tmp_path))


def test_the_first_bad_file_in_order_is_named_and_the_rest_left(tmp_path: Path) -> None:
    for number in range(60):
        disk.picture(tmp_path / "good" / f"{number:03d}.png")
    turn_to_text(tmp_path / "good" / "005.png")
    turn_to_text(tmp_path / "good" / "050.png")
    done: list[int] = []
    with pytest.raises(DatasetError, match=r"005\.png"):
        check_dataset(open_dataset("folder", tmp_path), lambda count, _: done.append(count))
    assert done == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["c.gif", "c.jp2", "c.PGM", "c.avif", "c.dcm"])
def test_a_picture_nobody_can_read_is_not_passed_over(name: str, tmp_path: Path) -> None:
    disk.folder(tmp_path)
    Image.new("L", (4, 4)).save(tmp_path / "good" / name, "GIF")
    with pytest.raises(DatasetError, match=rf"{name}: .*expected one of PNG, JPEG"):
        check_dataset(open_dataset("folder", tmp_path))


@pytest.mark.parametrize("name", ["c.jfif", "c.JPE", "c.jfi", "c.dib", "c.apng"])
def test_rare_suffixes_of_what_can_be_read(name: str, tmp_path: Path) -> None:
    disk.folder(tmp_path)
    form = {"d": "BMP", "a": "PNG"}.get(name[2], "JPEG")
    Image.new("L", (4, 4)).save(tmp_path / "good" / name, form)
    dataset = open_dataset("folder", tmp_path)
    check_dataset(dataset)
    assert name in [sample.image.name for sample in dataset.samples]


def test_masks_that_mark_nothing_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk.mvtec(tmp_path)
    check_dataset(open_dataset("mvtec", tmp_path))
    assert not caplog.records
    disk.mask(tmp_path / MASK, marked=False)
    check_dataset(open_dataset("mvtec", tmp_path))
    assert f"1 anomalous images have a mask that marks nothing (the first: {tmp_path / MASK})" in (
        caplog.text
    )


def test_litter_of_other_systems_is_no_kind(tmp_path: Path) -> None:
    disk.folder(tmp_path)
    before = open_dataset("folder", tmp_path).samples
    for litter in ("@eaDir", "__MACOSX", "lost+found", "$Recycle.Bin", ".ipynb_checkpoints"):
        for folder in (tmp_path, tmp_path / "good", tmp_path / "masks" / "scratch"):
            disk.picture(folder / litter / "a.png")
    assert open_dataset("folder", tmp_path).samples == before
