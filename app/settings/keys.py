"""The API keys of the settings."""

from app.errors import ConfigurationError
from app.keyring import Keyring
from app.settings.model import PREFIX, Settings


def keyring(settings: Settings) -> Keyring:
    """All API keys of the settings and their file.

    Raises ConfigurationError when keys are configured but cannot be read, or there is none.
    """
    fixed: frozenset[str] = frozenset()
    if settings.api_keys is not None:
        words = (word.strip() for word in settings.api_keys.get_secret_value().split(","))
        fixed = frozenset(word for word in words if word)
        if not fixed:
            raise ConfigurationError(f"{PREFIX}API_KEYS: holds no key; expected at least one")
    try:
        return Keyring(fixed, settings.api_keys_file)
    except ConfigurationError as error:
        raise ConfigurationError(f"{PREFIX}API_KEYS_FILE={error}") from error
