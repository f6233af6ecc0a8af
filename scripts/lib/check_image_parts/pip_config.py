"""The host's configuration of pip, for a build that has to install from where the host does.

What it says becomes one file, and every file and folder it names a place below one folder, which
the build mounts at BUILD_FOLDER: there is one in every base, so that nothing of it stays behind.
"""

import ast
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from check_image_parts.commands import run

BUILD_FOLDER = "/mnt"
_SCOPES = ("global", "install", ":env:")  # the later ones count more
_FILE_URL = "file://"


def host_config() -> dict[str, str]:
    """The settings that `pip install` has here, from pip's files and variables."""
    return parse(run([sys.executable, "-m", "pip", "config", "list"]))


def parse(listed: str) -> dict[str, str]:
    """What `pip config list` prints, as option -> value."""
    found: dict[str, dict[str, str]] = {scope: {} for scope in _SCOPES}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        scope, _, option = name.rpartition(".")
        if scope in found:
            found[scope][option] = str(ast.literal_eval(value))
    return {option: value for scope in _SCOPES for option, value in found[scope].items()}


def gather(config: dict[str, str], folder: Path, mount: Callable[[Path, Path], object]) -> str:
    """The text of a pip.conf for the build; what it names is then below `folder`.

    mount: makes a folder of the host appear at another place.
    """
    lines = ["[global]"]
    places: dict[Path, str] = {}
    for option, value in config.items():
        words = [_moved(word, folder, places, mount) for word in value.split()]
        lines.append(f"{option} = {' '.join(words)}")
    return "\n".join([*lines, ""])


def _moved(
    word: str, folder: Path, places: dict[Path, str], mount: Callable[[Path, Path], object]
) -> str:
    """The word, or where the build finds the file or folder that it names."""
    named = Path(word.removeprefix(_FILE_URL))
    if not named.is_absolute() or not named.exists():
        return word
    if not word.startswith(_FILE_URL):
        return _placed(named, folder, places, mount)
    # An index on disk: its pages lead to files beside it.
    return f"{_FILE_URL}{_placed(named.parent, folder, places, mount)}/{named.name}"


def _placed(
    source: Path, folder: Path, places: dict[Path, str], mount: Callable[[Path, Path], object]
) -> str:
    if source not in places:
        place = folder / str(len(places))
        place.mkdir(parents=True)
        if source.is_dir():
            mount(source, place)
            places[source] = f"{BUILD_FOLDER}/{place.name}"
        else:
            shutil.copy(source, place)
            places[source] = f"{BUILD_FOLDER}/{place.name}/{source.name}"
    return places[source]
