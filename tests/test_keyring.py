"""API keys: who is let in, and what a changed file changes."""

import os
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.keyring import Keyring


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 10  # every look is due
        return self.now


def test_without_keys_everybody_is_let_in() -> None:
    assert not Keyring().asks
    assert Keyring().accepts("")


def test_fixed_keys() -> None:
    keys = Keyring(frozenset({"one", "zwei ä"}))
    assert [keys.accepts(key) for key in ("one", "zwei ä", "", "on", "one ", "ONE")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


def test_a_file_as_windows_saves_it(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(b"\xef\xbb\xbffirst\r\nsecond\r\n")
    keys = Keyring(file=file)
    assert [keys.accepts(key) for key in ("first", "second", "")] == [True, True, False]


def test_a_changed_file_changes_who_is_let_in(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# the line's\nfirst\n\n  second  \n")
    keys = Keyring(frozenset({"fixed"}), file, clock=Clock())
    assert all(keys.accepts(key) for key in ("first", "second", "fixed"))
    file.write_text("second\nthird\n")
    assert [keys.accepts(key) for key in ("first", "second", "third", "fixed")] == [
        False, True, True, True,
    ]  # fmt: skip
    new = tmp_path / "new"
    new.write_text("fourth\n")
    os.replace(new, file)
    assert (keys.accepts("third"), keys.accepts("fourth")) == (False, True)


def test_a_file_emptied_later_lets_nobody_in(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("one\n")
    keys = Keyring(file=file, clock=Clock())
    file.write_text("")
    assert keys.asks
    assert not keys.accepts("one")
    assert not keys.accepts("")


def test_a_file_that_cannot_be_read_leaves_all_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    file.write_text("one\n")
    keys = Keyring(file=file, clock=Clock())
    file.unlink()
    assert [keys.accepts("one") for _ in range(3)] == [True] * 3
    assert len(caplog.records) == 1
    file.write_bytes(b"\xff\xfe")
    assert keys.accepts("one")
    file.write_text("two\n")
    assert (keys.accepts("one"), keys.accepts("two")) == (False, True)


def test_the_file_is_not_looked_at_with_every_request(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("one\n")
    keys = Keyring(file=file, look_again_s=1, clock=lambda: 0.0)
    file.write_text("another\n")
    assert keys.accepts("one")


@pytest.mark.parametrize("content", [None, "", "# nothing\n\n"])
def test_a_service_meant_to_be_protected_does_not_start_open(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match="keys': "):
        Keyring(file=file)
