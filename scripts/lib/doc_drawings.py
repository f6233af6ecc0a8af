"""The drawings of docs/pictures: SVG that follows a light or a dark page."""

import torch
from torch import Tensor

from app.clipad.detector import AnomalyDetector
from app.clipad.encoder import TextEncoder
from app.clipad.prompts import prompt_ensemble
from app.clipad.rvs import Rvs, representative

_SCATTER = (640, 250)
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


def words(detector: AnomalyDetector, name: str) -> str:
    """The sentences of an object on the plane of what sets the two lists apart, and what else."""
    prompts = prompt_ensemble(name)
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


def paths() -> str:
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
