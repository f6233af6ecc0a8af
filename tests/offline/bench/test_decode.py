"""Decoding against Pillow alone: what is measured, not how fast it is."""

import pytest

from app.offline.bench import decode
from tests.pictures import file_of, gradient


def test_every_posted_file_is_timed_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "large_photograph", lambda: file_of(gradient(64, 48), "JPEG"))
    monkeypatch.setattr(decode, "photograph", lambda: file_of(gradient(40, 24), "JPEG"))
    assert {name.split()[0] for name in decode.posted_files()} == {"JPEG", "PNG", "BMP", "TIFF"}
    found = decode.compare_decoding(2)
    assert set(found) == set(decode.posted_files())
    for times in found.values():
        assert len(times.work) == len(times.baseline) == 2
        assert times.work_s > 0 < times.baseline_s
