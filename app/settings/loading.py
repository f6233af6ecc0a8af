"""From the environment and `.env` to Settings, or to one line that says what is wrong."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from app.errors import ConfigurationError
from app.settings.model import ENV_FILE, PREFIX, Settings


def load_settings() -> Settings:
    """Settings from the environment and `.env`, or ConfigurationError in one line."""
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(_one_line(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{ENV_FILE} in {str(Path.cwd())!r}: cannot be read ({type(error).__name__}); "
            "expected a text file in UTF-8"
        ) from error


def settings_with(options: Mapping[str, object]) -> Settings:
    """The service's settings, with the options that a command was given (not None) in their place.

    With another backbone the settings' heads do not fit any more: then only given ones count.
    Raises ConfigurationError for one of backbone and weights without the other.
    """
    given = {name: value for name, value in options.items() if value is not None}
    pair = {"backbone", "weights"} & given.keys()
    if len(pair) == 1:
        raise ConfigurationError("--backbone and --weights: expected both or neither")
    if pair:
        given.setdefault("heads", None)
    return load_settings().model_copy(update=given)


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
