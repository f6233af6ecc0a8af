"""Image figures: both protocols, and what is not defined."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from app.offline.metrics.image import image_curves, image_figures, largest_f1, paper_scores


def test_both_terms_count_alike_in_the_paper_protocol() -> None:
    text, peaks = np.array([0.2, 0.4, 0.6]), np.array([3.0, 1.0, 2.0])
    assert paper_scores(text, peaks) == pytest.approx([1.0, 0.5, 1.5])


def test_a_constant_term_counts_nothing() -> None:
    assert paper_scores(np.full(3, 0.7), np.array([1.0, 2.0, 3.0])) == pytest.approx([0, 0.5, 1])


def test_figures_of_a_known_ranking() -> None:
    labels = np.array([False, True, False, True])
    figures = image_figures(labels, np.array([0.1, 0.4, 0.35, 0.8]))
    assert figures is not None
    assert (figures.auroc, figures.f1_max, figures.ap) == (1, 1, 1)
    figures = image_figures(labels, np.array([0.1, 0.2, 0.35, 0.8]))
    assert figures is not None
    assert figures.auroc == 0.75
    assert figures.f1_max == pytest.approx(0.8)
    assert figures.ap == pytest.approx(0.5 + 0.5 * 2 / 3)


@pytest.mark.parametrize("labels", [np.ones(3, bool), np.zeros(3, bool), np.zeros(0, bool)])
def test_one_class_alone_has_no_figures(labels: np.ndarray) -> None:
    scores = np.linspace(0, 1, len(labels))
    assert image_figures(labels, scores) is None
    assert image_curves(labels, scores) == {}


def test_f1_where_nothing_is_found_is_zero() -> None:
    assert largest_f1(np.array([0.0, 1.0]), np.array([0.0, 0.0])) == 0


def test_curves_of_many_images_are_thin_and_keep_their_area() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(20_000) < 0.3
    scores = rng.normal(size=20_000) + labels
    curves = image_curves(labels, scores)
    for curve in curves.values():
        assert len(curve.x) == len(curve.y) <= 500
        assert list(curve.x) == sorted(curve.x)
        assert (curve.x[0], curve.x[-1]) == (0, 1)
    area = np.trapezoid(curves["image_roc"].y, curves["image_roc"].x)
    assert area == pytest.approx(roc_auc_score(labels, scores), abs=1e-3)
