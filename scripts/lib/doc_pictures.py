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
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from app.clipad import maps
from app.clipad.build import build_detector
from app.clipad.detector import AnomalyDetector
from app.clipad.encoder import TextEncoder
from app.clipad.prompts import prompt_ensemble
from app.clipad.rvs import Rvs, RvsMethod, representative
from app.clipad.sdp import StagedDualPath
from app.heatmap import FloatMap, colour_png, overlay_png, per_image_scale
from app.images import to_tensor
from app.settings import DEMO_BACKBONE, DEMO_HEADS, DEMO_WEIGHTS, PROJECT, SAMPLES

PICTURES = PROJECT / "docs" / "pictures"
PAGE = PROJECT / "docs" / "how-it-works.md"
SHOWN, WORD = "wood-scratch", "wood"
_SIDE = 240
_SCATTER = (640, 250)


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
        pictures["words.svg"] = _words(detector).encode()
        pictures["paths.svg"] = _paths().encode()
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


def _words(detector: AnomalyDetector) -> str:
    """The sentences of one object on the plane of what sets the two lists apart, and what else."""
    prompts = prompt_ensemble(WORD)
    rows = TextEncoder(detector.backbone).encode([*prompts.normal, *prompts.abnormal]).double()
    lists = rows[: len(prompts.normal)], rows[len(prompts.normal) :]
    chosen = torch.stack([representative(each.float(), Rvs()).double() for each in lists])
    apart = torch.nn.functional.normalize(chosen[1] - chosen[0], dim=0)
    rest = rows - rows.mean(0)
    rest = rest - torch.outer(rest @ apart, apart)
    other = torch.linalg.svd(rest, full_matrices=False)[2][0]
    # A singular vector's sign is the library's whim: the first sentence lies above.
    other = other * torch.sign(rest[0] @ other)
    axes, middle = torch.stack([apart, other], dim=1), rows.mean(0)
    marks = []
    for kind, points, one in zip(("good", "bad"), lists, chosen, strict=True):
        places = _places((points - middle) @ axes)
        marks += [f'<circle class="{kind}" cx="{x}" cy="{y}" r="3"/>' for x, y in places]
        ((x, y),) = _places(((one - middle) @ axes).unsqueeze(0))
        marks.append(f'<circle class="{kind} one" cx="{x}" cy="{y}" r="8"/>')
    width, height = _SCATTER
    return _svg(
        width,
        height,
        "The sentences about wood as the demo encodes them",
        "Two tight clouds far apart: 198 sentences about flawless wood on the left, 220 about "
        "damaged wood on the right, with a ring around the vector chosen for each.",
        [
            *marks,
            f'<text x="16" y="24">flawless: {len(prompts.normal)} sentences</text>',
            f'<text x="{width - 16}" y="24" text-anchor="end">'
            f"damaged: {len(prompts.abnormal)} sentences</text>",
            f'<text class="quiet" x="{width / 2:g}" y="{height - 12}" text-anchor="middle">'
            "ring: the vector that is chosen</text>",
        ],
    )


def _places(points: Tensor) -> list[tuple[float, float]]:
    """Coordinates [N,2], in cosines -> places in the drawing, both axes alike."""
    width, height = _SCATTER
    scale = width * 0.4 / 0.036  # the two lists' distance fills the width
    return [
        (round(width / 2 + x * scale, 1), round(height / 2 - y * scale, 1))
        for x, y in points.tolist()
    ]


def _paths() -> str:
    """How a picture's tokens go through the image tower: one path as trained, one beside it."""
    parts = []
    for k in range(4):
        x = 150 + 130 * k
        parts += [
            f'<rect class="box" x="{x}" y="40" width="100" height="46" rx="6"/>',
            f'<text x="{x + 50}" y="60" text-anchor="middle">layers</text>',
            f'<text x="{x + 50}" y="77" text-anchor="middle">{3 * k + 1} to {3 * k + 3}</text>',
            f'<rect class="box side" x="{x}" y="126" width="100" height="46" rx="6"/>',
            f'<text x="{x + 50}" y="146" text-anchor="middle">values only</text>',
            f'<text class="quiet" x="{x + 50}" y="163" text-anchor="middle">stage {k + 1}</text>',
            f'<path class="line" d="M{x - 30} 63H{x - 4}"/>',
            f'<path class="line" d="M{x + 20} 86V122"/>',
            f'<path class="line" d="M{x + 50} 172V206"/>',
            f'<text x="{x + 50}" y="224" text-anchor="middle">map {k + 1}</text>',
        ]
    return _svg(
        760,
        240,
        "The two paths through the image tower",
        "The picture's patches go through twelve layers in four stages. Beside each stage a "
        "second path collects what its layers' values attend to; each stage gives a map. The class "
        "token at the end of the trained path gives the text part of the score.",
        [
            '<rect class="box" x="10" y="40" width="110" height="46" rx="6"/>',
            '<text x="65" y="60" text-anchor="middle">225 patches</text>',
            '<text x="65" y="77" text-anchor="middle">+ class token</text>',
            *parts,
            '<path class="line" d="M640 63H672"/>',
            '<text x="680" y="60">class</text>',
            '<text x="680" y="77">token</text>',
            '<text class="quiet" x="150" y="24">the path as trained</text>',
            '<text class="quiet" x="10" y="153">the path beside it</text>',
        ],
    )


_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1f2328}.quiet{fill:#59636e}"
    ".good{fill:#0a6ebd}.bad{fill:#c8500a}circle{fill-opacity:.35}"
    ".one{fill:none;stroke-width:2.5}.good.one{stroke:#0a6ebd}.bad.one{stroke:#c8500a}"
    ".box{fill:#eef3f8;stroke:#59636e}.side{fill:#fdf1e7}"
    ".line{fill:none;stroke:#59636e;stroke-width:1.5;marker-end:url(#tip)}#tip path{fill:#59636e}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9aa4af}"
    ".good{fill:#58a9f0}.bad{fill:#f0883e}.good.one{stroke:#58a9f0}.bad.one{stroke:#f0883e}"
    ".one{fill:none}.box{fill:#1b2530;stroke:#9aa4af}.side{fill:#33241a}"
    ".line{stroke:#9aa4af}#tip path{fill:#9aa4af}}"
)


def _svg(width: int, height: int, title: str, description: str, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">'
    )
    tip = (
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
    )
    lines = [
        head,
        f"<title>{title}</title>",
        f"<desc>{description}</desc>",
        f"<style>{_STYLE}</style>",
        f"<defs>{tip}</defs>",
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


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
