"""The benchmark of pixel figures measures real figures of real maps."""

from app.offline.bench.pro import time_pixel_figures


def test_a_short_run_has_times_and_figures() -> None:
    found = time_pixel_figures(maps=9, side=64, turns=2)
    assert found.seconds > 0
    assert found.growth_mib >= 0
    assert 0.5 < found.figures.auroc < 1
    assert 0.15 < found.figures.pro < 1
