"""MVTec-AD and VisA as their owners ship them.

    MVTec-AD  OBJECT/test/KIND/NAME.png, OBJECT/ground_truth/KIND/NAME_mask.png; `good` is normal
    VisA      split_csv/1cls.csv: object, split, label, image, mask; paths from the root
              OBJECT/test/{good,bad}/NAME.JPG, OBJECT/ground_truth/bad/NAME.png: as its script lays
              it out anew

Others are laid out as MVTec-AD is, less `_mask`, and BTAD calls `good` `ok`: both are read.
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
    refuse_strays,
    subfolders,
    table,
)
from app.offline.datasets.kinds import good_folder
from app.offline.datasets.mask_names import mask_name
from app.offline.datasets.masks import match_below, part, refuse_marked
from app.offline.datasets.model import GOOD, Sample

Pick = Callable[[Sequence[str]], Sequence[str]]
"""All objects there are -> the wanted ones, in the same order."""

_COLUMNS = ("object", "split", "label", "image", "mask")
_ANOMALY = "anomaly"
SUFFIX = "_mask"  # of MVTec-AD's masks


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
    test = folder / "test"
    expected = "KIND/*.png in it, as in MVTec-AD"
    kinds = subfolders(need_folder(test, expected))
    refuse_strays(test, expected)
    if not kinds:
        raise DatasetError(f"folder {test} is empty: expected {expected}")
    good = good_folder(kinds)
    masks: dict[Path, Path] = {}
    images = {kind.name: part(pictures(kind, "at least one *.png"), masks) for kind in kinds}
    truth = truth_folder(folder) or folder / "ground_truth"
    if truth.is_dir():
        match_below(truth, images, good.name if good else None, masks)
    samples = []
    for kind in kinds:
        for image in images[kind.name]:
            mask = masks.get(image)
            if kind == good:
                if mask is not None:
                    refuse_marked(image, mask)
                samples.append(Sample(image, None, folder.name, GOOD, False))
                continue
            if mask is None:
                raise DatasetError(
                    f"mask {truth / kind.name / f'{image.stem}{SUFFIX}.png'} does not exist: "
                    f"expected one for {image}"
                )
            samples.append(Sample(image, mask, folder.name, kind.name, True))
    return samples


def truth_folder(folder: Path) -> Path | None:
    """Of an object of MVTec-AD, the folder that holds the masks of its test part by kinds.

    Raises DatasetError where there are two.
    """
    said = [(path, mask_name(path.name)) for path in subfolders(folder)]
    found = [path for path, name in said if name and name.sure and name.of_all]
    if len(found) > 1:
        raise DatasetError(f"masks lie in {found[0]} and in {found[1]}: expected one of them")
    if not found:
        return None
    parts = [path.name for path in subfolders(found[0])]
    # VisA's own preparation for two classes has masks of the training part too.
    return found[0] / "test" if "test" in parts and set(parts) <= {"train", "test"} else found[0]


def read_visa(root: Path, pick: Pick) -> list[Sample]:
    """The samples of VisA's one-class test split in the table's order, object by object.

    Where there is no table, those of the folders that VisA's own script makes after it.
    """
    path = root / "split_csv" / "1cls.csv"
    if not path.is_file():
        for prepared in (root, root / "1cls"):
            if prepared.is_dir() and any((f / "test").is_dir() for f in subfolders(prepared)):
                return read_mvtec(prepared, pick)
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
