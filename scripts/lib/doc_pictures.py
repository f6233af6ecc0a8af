"""Makes docs/pictures and the measured tables of docs/how-it-works.md, all from the demo backbone.

    python scripts/lib/doc_pictures.py

Pictures carry no words that Markdown can carry; drawings are SVG and follow a light or dark page.
On another machine they come out the same to the eye: the last digits of a map may differ.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from doc_drawings import paths, words
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from app.clipad import maps
from app.clipad.build import build_detector
from app.clipad.choices import RvsMethod
from app.clipad.detector import AnomalyDetector
from app.clipad.encoder import TextEncoder
from app.clipad.prompts import prompt_ensemble
from app.clipad.rvs import Rvs, representative
from app.clipad.sdp import StagedDualPath
from app.heatmap import FloatMap, colour_png, overlay_png, per_image_scale
from app.images.tensors import to_tensor
from app.settings import DEMO_BACKBONE, DEMO_HEADS, DEMO_WEIGHTS, PROJECT, SAMPLES

PICTURES = PROJECT / "docs" / "pictures"
PAGE = PROJECT / "docs" / "how-it-works.md"
SHOWN, WORD = "wood-scratch", "wood"
_SIDE = 240


class Look:
    """The demo at one picture. text, map: the score's parts. planes: every step's map, by name."""

    def __init__(self, detector: AnomalyDetector, image: Image.Image, name: str) -> None:
        pixels = to_tensor(image, detector.side, detector.mean, detector.std).unsqueeze(0)
        text = detector.text_features(name).unsqueeze(0)
        tokens = StagedDualPath(detector.backbone.model.visual).eval()(pixels).surgery
        found = detector.detect(pixels, text)
        self.planes = {
            f"stage {k}": _plane(maps.to_grid(maps.stage_map(each, text)))
            for k, each in enumerate(tokens, start=1)
        }
        self.planes["sum"] = _plane(maps.sdp_map(tokens, text, detector.side))
        self.planes["smoothed"] = _plane(found.maps)
        self.planes["with heads"] = _plane(detector.detect(pixels, text, "sdp_plus").maps)
        self.text, self.map = float(found.text_score[0]), float(found.map_score[0])


def made() -> tuple[dict[str, bytes], dict[str, str]]:
    """All pictures by their file names, and the page's tables by the names in their marks."""
    with _demo() as detector:
        with Image.open(SAMPLES / f"{SHOWN}.png") as file:
            image = file.convert("RGB")
        look = Look(detector, image, WORD)
        smoothed = look.planes["smoothed"]
        overlay = overlay_png(smoothed, per_image_scale(smoothed), image)
        pictures = {"heatmap.png": overlay}
        for name, plane in look.planes.items():
            shown = _cells(plane) if len(plane) < _SIDE else plane
            png = colour_png(shown, per_image_scale(plane), (_SIDE, _SIDE))
            pictures[f"{name.replace(' ', '-')}.png"] = png
        pictures["words.svg"] = words(detector, WORD).encode()
        pictures["paths.svg"] = paths().encode()
        return pictures, {
            "ranges": _ranges(look),
            "parts": _parts(detector),
            "ways": _ways(detector),
        }


def _ranges(look: Look) -> str:
    rows = [("", "lowest value", "highest value")]
    rows += [
        (name, f"{plane.min():.4f}", f"{plane.max():.4f}") for name, plane in look.planes.items()
    ]
    return _markdown(rows)


def _parts(detector: AnomalyDetector) -> str:
    rows: list[tuple[str, ...]] = [("sample", "`text`", "`map`", "`anomaly_score`")]
    for path in sorted(SAMPLES.glob("*.png")):
        with Image.open(path) as file:
            name = path.stem.rpartition("-")[0].replace("-", " ")
            look = Look(detector, file.convert("RGB"), name)
        figures = (look.text, look.map, look.text + look.map)
        rows.append((path.stem, *(f"{figure:.3f}" for figure in figures)))
    return _markdown(rows)


def _ways(detector: AnomalyDetector) -> str:
    """Of other ways of choosing the vector, the cosine with DBSCAN's."""
    prompts = prompt_ensemble(WORD)
    encoder = TextEncoder(detector.backbone)
    lists = [encoder.encode(list(each)) for each in (prompts.normal, prompts.abnormal)]
    rows: list[tuple[str, ...]] = [("`rvs`", "flawless", "damaged")]
    for method in (RvsMethod.MEAN, RvsMethod.PCA, RvsMethod.KDE):
        cosines = (
            float(representative(each, Rvs(method)) @ representative(each, Rvs())) for each in lists
        )
        rows.append((f"`{method}`", *(f"{cosine:.4f}" for cosine in cosines)))
    return _markdown(rows)


def _plane(values: Tensor) -> FloatMap:
    plane: FloatMap = values[0].detach().numpy()
    return plane


def _cells(plane: FloatMap) -> FloatMap:
    """Every value of [g,g] as a square of pixels, as the map has it before it is upsampled."""
    side = _SIDE // plane.shape[0]
    cells: NDArray[np.float32] = np.kron(plane, np.ones((side, side), np.float32))
    return cells


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


@contextmanager
def _demo() -> Iterator[AnomalyDetector]:
    """As it is served, its text features in a folder that goes."""
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        yield build_detector(
            backbone=str(DEMO_BACKBONE),
            weights=str(DEMO_WEIGHTS),
            heads=str(DEMO_HEADS),
            device="cpu",
            model_dir=Path(folder),
            demo=True,
        )


def put(page: str, tables: dict[str, str]) -> str:
    """A page with each table between its marks replaced."""
    for name, table in tables.items():
        marks = rf"(<!-- {name}: scripts/lib/doc_pictures.py -->\n).*?(\n<!-- {name} end -->)"
        found = re.search(marks, page, re.DOTALL)
        assert found, f"{name}: its marks are not on the page"  # noqa: S101
        page = page[: found.end(1)] + table + page[found.start(2) :]
    return page


def main() -> None:
    """Write the pictures and the tables."""
    torch.set_num_threads(1)  # of so small a model more only wait for each other
    pictures, tables = made()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, data in pictures.items():
        (PICTURES / name).write_bytes(data)
    PAGE.write_text(put(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
