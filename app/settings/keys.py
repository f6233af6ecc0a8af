"""The API keys that are accepted, from the settings and from a file."""

from app.errors import ConfigurationError
from app.settings.model import PREFIX, Settings


def accepted_keys(settings: Settings) -> frozenset[str]:
    """All API keys; empty when none are asked for.

    Raises ConfigurationError when keys are configured but cannot be read, or there is none:
    a service meant to be protected must not start open.
    """
    keys: set[str] = set()
    if settings.api_keys is not None:
        keys.update(_words(settings.api_keys.get_secret_value().split(",")))
        if not keys:
            raise ConfigurationError(f"{PREFIX}API_KEYS: holds no key; expected at least one")
    if settings.api_keys_file is not None:
        try:
            lines = settings.api_keys_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{PREFIX}API_KEYS_FILE={str(settings.api_keys_file)!r}: cannot be read "
                f"({type(error).__name__}); expected a text file with one key per line"
            ) from error
        found = [line for line in _words(lines) if not line.startswith("#")]
        if not found:
            raise ConfigurationError(
                f"{PREFIX}API_KEYS_FILE={str(settings.api_keys_file)!r}: holds no key; "
                "expected one per line"
            )
        keys.update(found)
    return frozenset(keys)


def _words(parts: list[str]) -> list[str]:
    return [part.strip() for part in parts if part.strip()]
