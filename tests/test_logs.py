"""How the process logs: lines for people, JSON for machines."""

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
from python_multipart.multipart import MultipartParser

from app.logs import LogFormat, log_config


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level, root.handlers[:], logging.getLogger("app").level
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    logging.getLogger("app").setLevel(before[2])


def logged(style: LogFormat, capsys: pytest.CaptureFixture[str]) -> list[str]:
    logging.config.dictConfig(log_config("info", style))
    log = logging.getLogger("app.somewhere")
    log.info("%s took %d ms", "/predict", 7, extra={"fields": {"event": "request", "ms": 7}})
    log.debug("too little to say")
    try:
        raise ValueError("three\nlines\nlong")
    except ValueError:
        log.exception("broken Ä")
    return capsys.readouterr().err.splitlines()


@pytest.mark.usefixtures("_logging_as_before")
def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (json.loads(line) for line in logged("json", capsys))
    assert first.pop("timestamp").endswith("Z")
    assert first == {"event": "request", "ms": 7, "level": "info", "logger": "app.somewhere"}
    assert (second["event"], second["level"]) == ("broken Ä", "error")
    assert "ValueError: three\nlines\nlong" in second["exception"]


@pytest.mark.usefixtures("_logging_as_before")
def test_lines_say_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    lines = logged("line", capsys)
    assert lines[0].endswith(" INFO app.somewhere: /predict took 7 ms")
    assert lines[1].endswith(" ERROR app.somewhere: broken Ä")


def test_what_clients_send_does_not_warn_the_operator() -> None:
    logger = MultipartParser(b"edge").logger
    configured = log_config("info")["loggers"]
    levels = [configured[name]["level"] for name in configured if _above(name, logger)]
    assert levels == ["ERROR"]


def _above(name: str, logger: logging.Logger) -> bool:
    return logger.name == name or logger.name.startswith(name + ".")
