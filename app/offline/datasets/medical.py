"""Four medical data sets as their owners ship them; each holds one object.

    HeadCT        labels.csv: id, hemorrhage; head_ct/head_ct/NNN.png
    BrainMRI      brain_tumor_dataset/{yes,no}; that folder may be the root
    ISIC 2016     ISBI2016_ISIC_Part1_Test_Data/*.jpg, .._Test_GroundTruth/*_Segmentation.png
    CVC-ClinicDB  Original/*.tif, Ground Truth/*.tif

HeadCT and BrainMRI have no masks. In ISIC and CVC-ClinicDB every image is anomalous, so they have
no figures per image.
"""

from __future__ import annotations

from pathlib import Path

from app.errors import DatasetError
from app.offline.datasets.files import pictures, stem, table
from app.offline.datasets.industrial import Pick
from app.offline.datasets.masks import Names, alike, ending_in, match
from app.offline.datasets.model import GOOD, Sample

HEAD, BRAIN, SKIN, COLON = "head ct", "brain ct", "skin", "colon"
_LESION = "_Segmentation"


def read_headct(root: Path, pick: Pick) -> list[Sample]:
    """HeadCT in the table's order."""
    (name,) = pick([HEAD])
    rows = list(table(root / "labels.csv", ("id", "hemorrhage")))
    folder = root / "head_ct" / "head_ct"
    found: dict[str, Path] = {}
    for path in pictures(folder, "NNN.png of HeadCT"):
        twin = found.setdefault(stem(path), path)
        if twin is not path:
            raise DatasetError(f"images {twin} and {path}: expected one of a number")
    samples: dict[Path, Sample] = {}
    for row in rows:
        if row["hemorrhage"] not in ("0", "1"):
            raise row.error(f"hemorrhage {row['hemorrhage']!r}: expected 0 or 1")
        if not row["id"].isdecimal():
            raise row.error(f"id {row['id']!r}: expected a whole number")
        number = f"{int(row['id']):03d}"
        image = found.get(number)
        if image is None:
            raise row.error(f"image {folder / f'{number}.png'} does not exist: expected a file")
        if image in samples:
            raise row.error(f"id {row['id']} again: expected it once")
        ill = row["hemorrhage"] == "1"
        samples[image] = Sample(image, None, name, "hemorrhage" if ill else GOOD, ill)
    for image in found.values():
        if image not in samples:
            raise DatasetError(f"image {image} has no row in {root / 'labels.csv'}: expected one")
    return list(samples.values())


def read_brainmri(root: Path, pick: Pick) -> list[Sample]:
    """BrainMRI: `no` (good), then `yes`, each sorted by name."""
    (name,) = pick([BRAIN])
    inner = root / "brain_tumor_dataset"
    base = inner if inner.is_dir() else root
    expected = "the folders yes and no of BrainMRI, with images"
    return [
        Sample(image, None, name, "tumor" if ill else GOOD, ill)
        for folder, ill in (("no", False), ("yes", True))
        for image in pictures(base / folder, expected)
    ]


def read_isic(root: Path, pick: Pick) -> list[Sample]:
    """ISIC 2016, test part, sorted by name."""
    (name,) = pick([SKIN])
    prefix = "ISBI2016_ISIC_Part1_Test_"
    images = pictures(root / f"{prefix}Data", "the test images of ISIC 2016")
    masks = pictures(root / f"{prefix}GroundTruth", f"masks *{_LESION}.png of ISIC 2016")
    return _all_anomalous(images, masks, ending_in(_LESION), name, "lesion")


def read_cvc(root: Path, pick: Pick) -> list[Sample]:
    """CVC-ClinicDB, sorted by name."""
    (name,) = pick([COLON])
    images = pictures(root / "Original", "the images of CVC-ClinicDB, *.tif")
    masks = pictures(root / "Ground Truth", "the masks of CVC-ClinicDB, *.tif")
    return _all_anomalous(images, masks, alike, name, "polyp")


def _all_anomalous(
    images: list[Path], masks: list[Path], names: Names, object: str, kind: str
) -> list[Sample]:
    known: dict[Path, Path] = {}
    match(masks, images, names, known)
    for image in images:
        if image not in known:
            raise DatasetError(f"image {image} has no mask: expected one in {masks[0].parent}")
    return [Sample(image, known[image], object, kind, True) for image in images]
