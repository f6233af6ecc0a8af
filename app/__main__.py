"""`python -m app`: the settings, uvicorn's own command line, and one clear line on refusal."""

import logging
import logging.config
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click
from dotenv import load_dotenv
from uvicorn.main import main as uvicorn_command

from app.errors import ConfigurationError

FACTORY = "app.main:create_configured_app"
_NOT_OURS = ("app", "factory", "app_dir")  # which application is served is settled
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_log = logging.getLogger("app")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop; exits with 1 and one line when that cannot even begin."""
    parameters = [p for p in uvicorn_command.params if p.name not in _NOT_OURS]
    command = click.Command(
        "python -m app",
        params=parameters,
        callback=_serve,
        help="Serve CLIP-AD. Settings are CLIPAD_* variables; these are uvicorn's options.",
    )
    command.main(list(sys.argv[1:] if arguments is None else arguments))


def _serve(**options: Any) -> None:
    if options["env_file"]:
        load_dotenv(options["env_file"])
    level = options["log_level"]
    _configure_logging(level)
    try:
        from app.main import configure_threads, create_app, load_detector
        from app.settings import load_settings, unknown_variables

        settings = load_settings()
        for warning in unknown_variables():
            _log.warning(warning)
        given = click.get_current_context().get_parameter_source
        for name in ("host", "port"):
            if given(name) is click.core.ParameterSource.DEFAULT:
                options[name] = getattr(settings, name)
        settings = settings.model_copy(update={"host": options["host"], "port": options["port"]})
        configure_threads(settings)
        options["log_config"] = options["log_config"] or _log_config(level)
        failure: list[Exception] = []
        if options["reload"] or (options["workers"] or 1) > 1:
            # Every process of theirs loads its own; what cannot load must not start any.
            load_detector(settings)
            os.environ["CLIPAD_HOST"], os.environ["CLIPAD_PORT"] = (
                str(options["host"]),
                str(options["port"]),
            )
            served: object = FACTORY
        else:
            served = create_app(settings, on_failure=_stopper(failure))
    except ConfigurationError as error:
        _refuse(error)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1 if failure else 0))
    run: Callable[..., None] = uvicorn_command.callback  # type: ignore[assignment]
    run(app=served, factory=isinstance(served, str), app_dir=None, **options)
    if failure:
        sys.exit(1)


def _stopper(failure: list[Exception]) -> Callable[[Exception], None]:
    """What ends the server when the model cannot be loaded."""

    def stop(error: Exception) -> None:
        failure.append(error)
        print(_refusal(error), file=sys.stderr, flush=True)
        signal.raise_signal(signal.SIGTERM)

    return stop


def _refuse(error: Exception) -> NoReturn:
    print(_refusal(error), file=sys.stderr, flush=True)
    sys.exit(1)


def _refusal(error: Exception) -> str:
    return "clip-ad: cannot start: " + " ".join(str(error).split())


def _log_config(level: str | None) -> dict[str, Any]:
    """Everything to stderr in one format; uvicorn only where something is wrong."""
    ours = (level or "info").upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": _FORMAT}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "app": {"level": "DEBUG" if ours == "TRACE" else ours},
            "uvicorn": {"level": "WARNING"},
            "uvicorn.access": {"handlers": [], "propagate": False},
        },
    }


def _configure_logging(level: str | None) -> None:
    logging.config.dictConfig(_log_config(level))


if __name__ == "__main__":
    main()
