"""The process's own part that needs no process: how it logs."""

import logging

from python_multipart.multipart import MultipartParser

from app.__main__ import _log_config


def test_what_clients_send_does_not_warn_the_operator() -> None:
    logger = MultipartParser(b"edge").logger
    configured = _log_config("info")["loggers"]
    levels = [configured[name]["level"] for name in configured if _above(name, logger)]
    assert levels == ["ERROR"]


def _above(name: str, logger: logging.Logger) -> bool:
    return logger.name == name or logger.name.startswith(name + ".")
