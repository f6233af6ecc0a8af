"""`python -m app`: the settings, uvicorn's own command line, and one clear line on refusal."""

import logging
import logging.config
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from uvicorn.main import main as uvicorn_command

from app.address import check_address, is_loopback
from app.errors import ConfigurationError
from app.logs import log_config
from app.memory import bound_pools

if TYPE_CHECKING:
    from fastapi import FastAPI

FACTORY = "app.main:create_configured_app"
_NOT_OURS = ("app", "factory", "app_dir")  # which application is served is settled
_log = logging.getLogger("app")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop; exits with 1 and one line when that cannot even begin."""
    parameters = [p for p in uvicorn_command.params if p.name not in _NOT_OURS]
    command = click.Command(
        "python -m app",
        params=parameters,
        callback=_serve,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Serve CLIP-AD. Settings are CLIPAD_* variables (docs/settings.md); these are "
        "uvicorn's options.",
    )
    command.main(list(sys.argv[1:] if arguments is None else arguments))


def _serve(**options: Any) -> None:
    bound_pools()
    _read_variables(options)
    logging.config.dictConfig(log_config(options["log_level"]))
    failure: list[Exception] = []
    try:
        served = _served(options, failure)
    except ConfigurationError as error:
        print(_refusal(error), file=sys.stderr, flush=True)
        sys.exit(1)
    signal.signal(signal.SIGTERM, lambda *_: _leave(1 if failure else 0))
    if options["http"] == "auto":
        from app.http.protocol import ImpatientProtocol

        options["http"] = ImpatientProtocol
    run: Callable[..., None] = uvicorn_command.callback  # type: ignore[assignment]
    try:
        run(app=served, factory=isinstance(served, str), app_dir=None, **options)
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 1)
    _leave(1 if failure else 0)


def _read_variables(options: dict[str, Any]) -> None:
    """--env-file, by the reader of `.env`; uvicorn shall not read it once more in its own way."""
    if not options["env_file"]:
        return
    from app.settings import load_variables

    try:
        load_variables(Path(options["env_file"]))
    except ConfigurationError as error:
        print(_refusal(error), file=sys.stderr, flush=True)
        sys.exit(1)
    options["env_file"] = None


def _served(options: dict[str, Any], failure: list[Exception]) -> "FastAPI | str":
    """The application, or where its processes find it when there are to be several.

    Raises ConfigurationError for all that can be told before anything listens.
    """
    # Imported step by step: what is mistyped is told before the next, slower step.
    from app.settings import PREFIX, load_settings, unknown_variables

    settings = load_settings()
    configured = log_config(options["log_level"], settings.log_format)
    logging.config.dictConfig(configured)
    options["log_config"] = options["log_config"] or configured
    from app.main import configure_threads, create_app
    from app.parts import load_detector
    from app.serving.ending import leave_hung

    given = click.get_current_context().get_parameter_source
    for name in ("host", "port"):
        if given(name) is click.core.ParameterSource.DEFAULT:
            options[name] = getattr(settings, name)
    settings = settings.model_copy(update={"host": options["host"], "port": options["port"]})
    if options["fd"] is None and not options["uds"]:
        check_address(settings.host, settings.port)
        if not (settings.api_keys or settings.api_keys_file or is_loopback(settings.host)):
            _log.warning(
                "no API keys: whoever reaches %s may ask, calibrate and delete; set %sAPI_KEYS or "
                "%sAPI_KEYS_FILE",
                settings.host,
                PREFIX,
                PREFIX,
            )
    configure_threads(settings)
    app = create_app(settings, on_failure=_stopper(failure), on_hang=leave_hung)
    several = options["reload"] or (options["workers"] or 1) > 1
    if several:
        # Each process loads a model of its own; one that cannot be loaded must not start any.
        load_detector(settings)
        os.environ |= {"CLIPAD_HOST": options["host"], "CLIPAD_PORT": str(options["port"])}
    for warning in unknown_variables():
        _log.warning(warning)
    return FACTORY if several else app


def _stopper(failure: list[Exception]) -> Callable[[Exception], None]:
    """What ends the server when the model cannot be loaded."""

    def stop(error: Exception) -> None:
        failure.append(error)
        print(_refusal(error), file=sys.stderr, flush=True)
        signal.raise_signal(signal.SIGTERM)

    return stop


def _leave(code: int) -> NoReturn:
    """Exit; at once where the model is still being loaded, which nothing can interrupt."""
    from app.startup import LOADER

    if any(thread.name == LOADER for thread in threading.enumerate()):
        # An interpreter that ends under a thread inside torch aborts the process.
        logging.shutdown()
        os._exit(code)
    sys.exit(code)


def _refusal(error: Exception) -> str:
    return "clip-ad: cannot start: " + " ".join(str(error).split())


if __name__ == "__main__":
    main()
