"""From the environment and `.env` to Settings, or to one line that says what is wrong."""

from collections.abc import Mapping
from pathlib import Path

from dotenv import load_dotenv
from pydantic import ValidationError

from app.errors import ConfigurationError
from app.settings.model import ENV_ENCODING, ENV_FILE, PATHS, PREFIX, Settings, expanded


def load_settings() -> Settings:
    """Settings from the environment and `.env`, or ConfigurationError in one line."""
    where = f"{ENV_FILE} in {str(Path.cwd())!r}"
    try:
        _need_text(Path(ENV_FILE), where)
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(_one_line(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(where, type(error).__name__) from error


def load_variables(file: Path) -> None:
    """Read a file such as `.env` into the environment; what is set there already stays.

    Raises ConfigurationError, in one line.
    """
    try:
        _need_text(file, str(file))
        load_dotenv(file, encoding=ENV_ENCODING)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(str(file), type(error).__name__) from error


def _need_text(file: Path, where: str) -> None:
    """Zero bytes, as UTF-16 has between letters, would be taken for parts of names."""
    if file.is_file() and b"\0" in file.read_bytes():
        raise _unreadable(where, "it holds zero bytes, as UTF-16 does")


def _unreadable(where: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{where}: cannot be read ({why}); expected a text file in UTF-8")


def settings_with(options: Mapping[str, object]) -> Settings:
    """The service's settings, with the options that a command was given (not None) in their place.

    With another backbone the settings' heads do not fit any more: then only given ones count.
    Raises ConfigurationError for one of backbone and weights without the other, and for a home
    that there is not.
    """
    given = {name: _home(name, value) for name, value in options.items() if value is not None}
    pair = {"backbone", "weights"} & given.keys()
    if len(pair) == 1:
        raise ConfigurationError("--backbone and --weights: expected both or neither")
    if pair:
        given.setdefault("heads", None)
    return load_settings().model_copy(update=given)


def _home(name: str, value: object) -> object:
    if name not in PATHS:
        return value
    try:
        return expanded(value)
    except ValueError as error:
        raise ConfigurationError(f"--{name.replace('_', '-')} {value}: expected {error}") from error


def _one_line(error: ValidationError) -> str:
    problems = []
    for item in error.errors(include_url=False):
        expected = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
        if not item["loc"]:
            problems.append(expected)
            continue
        name = str(item["loc"][0])
        shown = "" if "key" in name else f"={item['input']!r}"
        problems.append(f"{PREFIX}{name.upper()}{shown}: expected {expected}")
    return "; ".join(problems)
