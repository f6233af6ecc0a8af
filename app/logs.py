"""How the process logs: lines for people, or a JSON object a line for machines; to stderr.

A log record may carry `fields` (`extra={"fields": {...}}`): the same in words that its message
says. JSON then has the fields, an `event` among them, instead of the message.
"""

from collections.abc import MutableMapping
from logging import LogRecord
from typing import Any, Literal

import structlog

LogFormat = Literal["line", "json"]
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_config(level: str | None, style: LogFormat = "line") -> dict[str, Any]:
    """For `logging.config.dictConfig`; of others' loggers only what is wrong.

    level: uvicorn's name of it, None for info.
    """
    ours = (level or "info").upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": _LINE}, "json": {"()": "app.logs.json_formatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": style}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "app": {"level": "DEBUG" if ours == "TRACE" else ours},
            "uvicorn": {"level": "WARNING"},
            "uvicorn.access": {"handlers": [], "propagate": False},
            # Its warnings are about what clients send: answered there, no matter for the operator.
            "python_multipart": {"level": "ERROR"},
        },
    }


def json_formatter() -> structlog.stdlib.ProcessorFormatter:
    """Records of the standard library's logging -> one JSON object each."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            _spread,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
    )


def _spread(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    record: LogRecord = event["_record"]
    event.update(getattr(record, "fields", {}))
    return event
