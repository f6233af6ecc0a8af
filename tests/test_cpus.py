"""CPUs: affinity, a container's quota, and who gets how many threads."""

import os
from pathlib import Path

import pytest

from app.cpus import image_threads, model_threads, usable_cpus


@pytest.fixture(autouse=True)
def _eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [
        ("max 100000\n", 8),
        ("250000 100000\n", 2),
        ("50000 100000\n", 1),
        ("1600000 100000\n", 8),
        ("", 8),
    ],
)
def test_a_container_s_quota_counts(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert usable_cpus(tmp_path) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 8), ("350000", 3), ("1000", 1), ("x", 8)])
def test_so_does_one_of_the_older_kind(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cpus(tmp_path) == cpus


def test_without_control_groups(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path / "absent") == 8


@pytest.mark.parametrize(
    ("cpus", "model", "images"), [(1, 1, 4), (2, 2, 4), (8, 8, 4), (16, 14, 8), (64, 60, 16)]
)
def test_threads(cpus: int, model: int, images: int) -> None:
    assert (model_threads(cpus), image_threads(cpus)) == (model, images)
