from app.offline.training.history import EpochRow, best_row, ended
from app.offline.training.recipe import Recipe


def rows(*figures: tuple[float | None, float | None]) -> list[EpochRow]:
    """Epochs with these validation losses and AUROCs."""
    return [
        EpochRow(number + 1, 1.0, loss, auroc, None, 1.0, 1.0)
        for number, (loss, auroc) in enumerate(figures)
    ]


def test_the_best_has_the_highest_auroc_then_the_lowest_loss_then_comes_first() -> None:
    assert best_row(rows((1.0, 0.7), (2.0, 0.9), (0.5, 0.8))).epoch == 2
    assert best_row(rows((1.0, 0.9), (0.5, 0.9), (0.5, 0.9))).epoch == 2


def test_without_anomalous_pixels_the_loss_decides_and_without_validation_the_last() -> None:
    assert best_row(rows((1.0, None), (0.5, None), (0.7, None))).epoch == 2
    assert best_row(rows((None, None), (None, None))).epoch == 2


def test_training_ends_after_all_epochs_or_without_a_better_one_for_long() -> None:
    recipe = Recipe(epochs=5, patience=2)
    assert not ended([], recipe)
    assert not ended(rows((1, 0.7), (1, 0.6)), recipe)
    assert ended(rows((1, 0.7), (1, 0.6), (1, 0.5)), recipe)
    assert not ended(rows((1, 0.7), (1, 0.6), (1, 0.8), (1, 0.6)), recipe)
    assert ended(rows(*[(1.0, 0.1 * number) for number in range(5)]), recipe)
    # Without validation nothing is worse, so nothing is waited for in vain.
    assert not ended(rows(*[(None, None)] * 4), recipe)
