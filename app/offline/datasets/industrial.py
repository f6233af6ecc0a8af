"""MVTec-AD and VisA as their owners ship them.

    MVTec-AD  OBJECT/test/KIND/NAME.png, OBJECT/ground_truth/KIND/NAME_mask.png; `good` is normal
    VisA      split_csv/1cls.csv: object, split, label, image, mask; paths from the root

Only the test part is read: the one that shows defects, and the one heads are trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from app.errors import DatasetError
from app.offline.datasets.files import (
    Row,
    need_folder,
    pictures,
    pictures_if_any,
    refuse_strays,
    subfolders,
    table,
)
from app.offline.datasets.masks import SUFFIX, ending_in, match, refuse_marked
from app.offline.datasets.model import GOOD, Sample

Pick = Callable[[Sequence[str]], Sequence[str]]
"""All objects there are -> the wanted ones, in the same order."""

_COLUMNS = ("object", "split", "label", "image", "mask")
_ANOMALY = "anomaly"


def read_mvtec(root: Path, pick: Pick) -> list[Sample]:
    """The samples of MVTec-AD's test part, objects and kinds and files sorted by name."""
    expected = f"the root of MVTec-AD, with OBJECT/test/KIND/*.png under {root}"
    folders = subfolders(root)
    if not folders or (root / "test").is_dir():
        raise DatasetError(f"{root} is not a folder of objects: expected {expected}")
    return [
        sample
        for name in pick([folder.name for folder in folders])
        for sample in _mvtec_object(root / name)
    ]


def _mvtec_object(folder: Path) -> list[Sample]:
    test, truth = folder / "test", folder / "ground_truth"
    expected = "KIND/*.png in it, as in MVTec-AD"
    kinds = subfolders(need_folder(test, expected))
    refuse_strays(test, expected)
    if not kinds:
        raise DatasetError(f"folder {test} is empty: expected {expected}")
    images = {kind.name: pictures(kind, "at least one *.png") for kind in kinds}
    masks: dict[Path, Path] = {}
    if truth.is_dir():
        for kind in subfolders(truth):
            found = pictures_if_any(kind)
            match(found, images.get(kind.name, []), ending_in(SUFFIX), masks)
    samples = []
    for name, files in images.items():
        for image in files:
            mask = masks.get(image)
            if name == GOOD and mask is not None:
                refuse_marked(image, mask)
            if name != GOOD and mask is None:
                raise DatasetError(
                    f"mask {truth / name / f'{image.stem}{SUFFIX}.png'} does not exist: expected "
                    f"one for {image}"
                )
            anomalous = name != GOOD
            samples.append(Sample(image, mask if anomalous else None, folder.name, name, anomalous))
    return samples


def read_visa(root: Path, pick: Pick) -> list[Sample]:
    """The samples of VisA's one-class test split in the table's order, object by object."""
    path = root / "split_csv" / "1cls.csv"
    rows: dict[str, list[Row]] = {}
    for row in table(path, _COLUMNS):
        if row["split"] not in ("train", "test"):
            raise row.error(f"split {row['split']!r}: expected train or test")
        if not row["object"]:
            raise row.error("no object: expected its name")
        if row["split"] == "test":
            rows.setdefault(row["object"], []).append(row)
    if not rows:
        raise DatasetError(f"table {path} has no row of split 'test': expected some")
    seen: set[str] = set()
    samples = []
    for name in pick(list(rows)):
        for row in rows[name]:
            if row["image"] in seen:
                raise row.error(f"image {row['image']!r} again: expected it once")
            seen.add(row["image"])
            samples.append(_visa_sample(root, row))
    return samples


def _visa_sample(root: Path, row: Row) -> Sample:
    if row["label"] not in ("normal", _ANOMALY):
        raise row.error(f"label {row['label']!r}: expected normal or {_ANOMALY}")
    anomalous = row["label"] == _ANOMALY
    image = _named(root, row, "image")
    if anomalous or row["mask"]:
        mask = _named(root, row, "mask")
        if anomalous:
            return Sample(image, mask, row["object"], _ANOMALY, True)
        refuse_marked(image, mask)
    return Sample(image, None, row["object"], GOOD, False)


def _named(root: Path, row: Row, column: str) -> Path:
    if not row[column]:
        raise row.error(f"no {column}: expected its path from {root}")
    path = root / row[column]
    if not path.is_file():
        raise row.error(f"{column} {path} does not exist: expected a file")
    return path
