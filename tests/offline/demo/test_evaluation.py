"""Figures from known answers: a detector that sees the truth, one that sees nothing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from app.clipad.detector import Detection
from app.offline.demo.evaluation import (
    Scored,
    ScoredPair,
    image_auroc,
    pixel_auroc,
    score_pairs,
    summary,
)
from app.offline.demo.report import table, write
from app.offline.synthetic import Pair


def pair(kind: str, defect: str, level: int) -> Pair:
    """A flat picture of `level` and its twin with a square 60 darker."""
    good = np.full((240, 240, 3), level, np.uint8)
    mask = np.zeros((240, 240), bool)
    mask[40:80, 40:80] = True
    bad = good.copy()
    bad[mask] -= 60
    return Pair(good, bad, mask, kind, "group", defect, kind)


@dataclass(frozen=True)
class SquareDetector:
    """Reports how far each pixel is from its picture's median, times `sign`."""

    sign: float = 1.0
    side: int = 240
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def predict(self, images: torch.Tensor, names: list[str]) -> Detection:
        assert len(images) == len(names)
        grey = images.mean(1)
        maps = self.sign * (grey - grey.flatten(1).median(1).values[:, None, None]).abs()
        peak = maps.mean(dim=(1, 2))
        return Detection(peak, peak, peak, maps)


PAIRS = [pair("a", "hole", 200), pair("a", "cut", 120), pair("b", "hole", 160)]


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 1.0), (-1.0, 0.0)])
def test_a_detector_that_sees_the_truth_and_its_opposite(sign: float, expected: float) -> None:
    scored = score_pairs(SquareDetector(sign), PAIRS, batch=2)
    assert [p.kind for p in scored] == ["a", "a", "b"]
    found = summary(scored)
    for name in ("image_auroc", "win_rate", "pixel_auroc"):
        assert found[name] == expected, name
    assert found["pairs"] == 3
    assert set(found["per_kind"]) == {"a", "b"}
    assert set(found["per_defect"]) == {"hole", "cut"}


def test_darkness_is_measured_from_the_pictures_alone() -> None:
    scored = score_pairs(SquareDetector(), PAIRS)
    # Darkest spots: good -200, -120, -160; twins -140, -60, -100, in 1/255.
    assert [round(-255 * p.good.dark_score) for p in scored] == [200, 120, 160]
    assert [round(-255 * p.defective.dark_score) for p in scored] == [140, 60, 100]
    assert summary(scored)["darkness_image_auroc"] == pytest.approx(8 / 9, abs=1e-3)


def test_pixel_auroc_is_a_mean_over_kinds_and_image_auroc_is_pooled() -> None:
    mask = np.array([[False, True]])
    right, wrong = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])

    def outcome(score: float, of: np.ndarray) -> Scored:
        return Scored(score, of, 0.0, of)

    flat = np.array([[0.5, 0.5]])
    scored = [
        ScoredPair(outcome(0, flat), outcome(1, right), mask, "a", "g", "hole"),
        ScoredPair(outcome(2, flat), outcome(3, wrong), mask, "b", "g", "hole"),
    ]
    found = summary(scored)
    assert found["per_kind"]["a"]["pixel_auroc"] == 1.0
    assert found["per_kind"]["b"]["pixel_auroc"] == 0.0
    assert found["pixel_auroc"] == 0.5
    assert found["image_auroc"] == 0.75  # over both kinds together, 1.0 within each
    assert found["win_rate"] == 1.0
    assert image_auroc([0.0], [0.0]) == 0.5
    assert pixel_auroc([right, wrong], [mask, mask]) == 0.5


def test_figures_go_between_the_marks_of_the_readme(tmp_path: Path) -> None:
    group = summary(score_pairs(SquareDetector(), PAIRS))
    figures = {
        "weights_sha256": "ab" * 32,
        "weights_bytes": 25_000_000,
        "groups": {"textures": group},
        "simulated textiles": {
            "local": {
                "good": 3, "defective": 4, "image_auroc": 0.5, "darkness_image_auroc": 0.6,
            }
        },
    }  # fmt: skip
    readme = tmp_path / "README.md"
    readme.write_text(
        "before\n<!-- figures: written by the evaluation -->\nold\n<!-- end of figures -->\nafter\n"
    )
    write(figures, tmp_path)
    write(figures, tmp_path)
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert text.count(table(figures)) == 1
    assert "| textures | 3 | 1.000 | 1.000 | 1.000 |" in text
    assert "| simulated textiles, local | 3 + 4 | 0.500 | no masks | no twins | 0.600 |" in text
    assert '"ab' in (tmp_path / "metrics.json").read_text()
