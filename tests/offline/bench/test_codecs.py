"""The benchmark of codecs: every way is timed."""

from app.offline.bench.codecs import compare_codecs


def test_every_way_is_timed() -> None:
    found = compare_codecs(1)
    assert list(found) == ["overlay", "map", "decode"]
    assert "served" in found["overlay"]
    assert all(times.ratio > 0 for timed in found.values() for times in timed.values())
