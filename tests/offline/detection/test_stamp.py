"""Which state of a file a line speaks of."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from app.offline.detection import stamp
from app.offline.detection.stamp import Stamp, is_changed

SECOND = 10**9


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(b"abc")
    os.utime(path, ns=(0, 1_700_000_000 * SECOND + 5))
    return path


def test_a_file_is_read_with_its_size_and_time(file: Path) -> None:
    data, read = stamp.read(file)
    assert (data, read) == (b"abc", Stamp(3, "2023-11-14T22:13:20.000000005Z"))
    for size in (3, "3"):  # as JSON and CSV give it back
        assert not is_changed(file, {"bytes": size, "modified": read.modified})


def test_another_size_or_time_is_another_file(file: Path) -> None:
    row = stamp.read(file)[1]._asdict()
    os.utime(file, ns=(0, 1_700_000_000 * SECOND + 6))
    assert is_changed(file, row)
    os.utime(file, ns=(0, 1_600_000_000 * SECOND))  # an older picture put in its place
    assert is_changed(file, row)
    file.write_bytes(b"abcd")
    os.utime(file, ns=(0, 1_700_000_000 * SECOND + 5))
    assert is_changed(file, row)
    assert is_changed(file, stamp.NONE._asdict())


def test_a_file_that_is_away_has_not_changed(file: Path) -> None:
    row = stamp.read(file)[1]._asdict()
    file.unlink()
    assert not is_changed(file, row)


@pytest.mark.parametrize("seconds", [-(10**12), -1, 0, 10**12])
def test_odd_times_are_times_too(seconds: int) -> None:
    status = SimpleNamespace(st_size=3, st_mtime_ns=seconds * SECOND)
    row = {"bytes": 3, "modified": "2023-11-14T22:13:20.000000005Z"}
    assert is_changed(cast(Path, SimpleNamespace(stat=lambda: status)), row)
