"""Prints the extras that the service's settings need, for venv.sh: read as the service reads them.

Arguments are the program's own; of those, --runtime and --env-file count. Says nothing of what is
wrong with the settings: the program does, when it starts.
"""

import argparse
import contextlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from app.errors import ConfigurationError
from app.settings import load_variables, settings_with


def needed(arguments: Sequence[str]) -> list[str]:
    """Names of extras. Raises ConfigurationError."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--runtime", nargs="?")
    parser.add_argument("--env-file", nargs="?", type=Path)
    given, _ = parser.parse_known_args(arguments)
    if given.env_file is not None:
        load_variables(given.env_file)
    settings = settings_with({"runtime": given.runtime})
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    named = {"openvino": settings.runtime == "openvino", "postgres": url.startswith("postgres")}
    return [name for name, wanted in named.items() if wanted]


if __name__ == "__main__":
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # told once, by the service
    with contextlib.suppress(ConfigurationError):
        print("\n".join(needed(sys.argv[1:])))
