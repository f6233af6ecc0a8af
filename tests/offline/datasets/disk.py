"""Tiny copies of the layouts on disk: grey pictures of 12 x 8, masks with one marked block."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 12, 8


def picture(path: Path, shade: int = 120) -> Path:
    """An RGB picture at `path`, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (shade, shade, shade)).save(path)
    return path


def photo(path: Path, seed: int = 0) -> Path:
    """A picture with a camera's many values, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(120, 20, (HEIGHT, WIDTH, 3))
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(path)
    return path


def mask(path: Path, marked: bool = True, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """A grey mask at `path`; its upper left 6 x 4 pixels are marked with 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[:4, :6] = 255 * marked
    Image.fromarray(pixels).save(path)
    return path


def mvtec(root: Path) -> None:
    """Two objects; one has two kinds of defect."""
    for name, kinds in (("metal_nut", ("bent", "scratch")), ("bottle", ("broken_large",))):
        picture(root / name / "train" / "good" / "000.png")
        for number in ("001", "000"):
            picture(root / name / "test" / "good" / f"{number}.png")
            for kind in kinds:
                picture(root / name / "test" / kind / f"{number}.png")
                mask(root / name / "ground_truth" / kind / f"{number}_mask.png")
    (root / "license.txt").write_text("words")
    (root / "readme.png").write_text("no picture")


def visa(root: Path) -> None:
    """Two objects with one training row; the rows of one do not stand together."""
    rows = ["object,split,label,image,mask"]
    for number in ("010", "002"):
        for name in ("pcb1", "candle"):
            base = f"{name}/Data/Images"
            picture(root / base / "Normal" / f"{number}.JPG")
            picture(root / base / "Anomaly" / f"{number}.JPG")
            mask(root / name / "Data" / "Masks" / "Anomaly" / f"{number}.png")
            rows += [
                f"{name},test,normal,{base}/Normal/{number}.JPG,",
                f"{name},test,anomaly,{base}/Anomaly/{number}.JPG,"
                f"{name}/Data/Masks/Anomaly/{number}.png",
            ]
    rows.append("candle,train,normal,candle/Data/Images/Normal/777.JPG,")
    (root / "split_csv").mkdir()
    (root / "split_csv" / "1cls.csv").write_text("\n".join(rows) + "\n")


def visa_prepared(root: Path) -> None:
    """VisA as its own script lays it out for one class: `good` and `bad`, masks without `_mask`."""
    for name in ("pcb1", "pipe_fryum"):
        picture(root / name / "train" / "good" / "0001.JPG")
        picture(root / name / "test" / "good" / "0002.JPG")
        for number in ("000", "001"):
            picture(root / name / "test" / "bad" / f"{number}.JPG")
            mask(root / name / "ground_truth" / "bad" / f"{number}.png")


def btad(root: Path) -> None:
    """BTAD: `ok` and `ko`, masks of other suffixes without `_mask`."""
    for name, suffix in (("01", "bmp"), ("02", "png")):
        picture(root / name / "train" / "ok" / f"0000.{suffix}")
        picture(root / name / "test" / "ok" / f"0001.{suffix}")
        for number in ("0001", "0002"):
            picture(root / name / "test" / "ko" / f"{number}.{suffix}")
            mask(root / name / "ground_truth" / "ko" / f"{number}.png")


def headct(root: Path) -> None:
    """Three pictures; the table has the published file's odd spaces."""
    for number in range(3):
        picture(root / "head_ct" / "head_ct" / f"{number:03d}.png")
    (root / "labels.csv").write_text(" id, hemorrhage\n2, 1\n0, 0\n1, 1\n")


def brainmri(root: Path) -> None:
    """The published archive: the two folders twice."""
    for base in (root / "brain_tumor_dataset", root):
        picture(base / "yes" / "Y1.jpg")
        picture(base / "no" / "no 2.JPG")
        picture(base / "no" / "1 no.jpeg")


def isic(root: Path) -> None:
    """Two pictures."""
    for number in ("0000003", "0000001"):
        picture(root / "ISBI2016_ISIC_Part1_Test_Data" / f"ISIC_{number}.jpg")
        mask(root / "ISBI2016_ISIC_Part1_Test_GroundTruth" / f"ISIC_{number}_Segmentation.png")


def cvc(root: Path) -> None:
    """Three pictures."""
    for number in (10, 2, 1):
        picture(root / "Original" / f"{number}.tif")
        mask(root / "Ground Truth" / f"{number}.tif")


def folder(root: Path) -> None:
    """One object with two kinds of defect and masks by kind; names are not plain ASCII."""
    for name in ("b.jpg", "a.PNG"):
        picture(root / "good" / name)
    for kind in ("scratch", "délaminé"):
        picture(root / kind / "Schräg 1.bmp")
        mask(root / "masks" / kind / "Schräg 1.png")
    for junk in ("Thumbs.db", ".DS_Store", "._a.png"):
        (root / "good" / junk).write_bytes(b"junk")


BUILDERS: dict[str, Callable[[Path], None]] = {
    build.__name__: build for build in (mvtec, visa, headct, brainmri, isic, cvc, folder)
}
