"""`python -m app`: its options before anything is served."""

import os
from pathlib import Path
from typing import Any

import pytest

from app import __main__
from app.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither this process's memory, nor its logging, nor its variables are changed for good."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(__main__, "bound_pools", lambda: None)
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    monkeypatch.setattr("os.environ", dict(os.environ))


def test_a_file_of_variables_is_read_once_and_as_env_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, Any] = {}

    def served(options: dict[str, Any], _: object) -> str:
        seen.update(options, port=os.environ["CLIPAD_PORT"])
        raise ConfigurationError("that is\nenough")

    monkeypatch.setattr(__main__, "_served", served)
    (tmp_path / "line 2.env").write_bytes(b"\xef\xbb\xbfexport CLIPAD_PORT = '81' # two\r\n")
    with pytest.raises(SystemExit) as end:
        __main__.main(["--env-file", "line 2.env"])
    assert (end.value.code, seen["port"], seen["env_file"]) == (1, "81", None)
    assert capsys.readouterr().err == "clip-ad: cannot start: that is enough\n"


def test_a_file_of_variables_that_cannot_be_read_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "line.env").write_text("CLIPAD_PORT=1\n", encoding="utf-16")
    with pytest.raises(SystemExit) as end:
        __main__.main(["--env-file", "line.env"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("clip-ad: cannot start: line.env: cannot be read")
    assert line.endswith("expected a text file in UTF-8")
    assert end.value.code == 1
