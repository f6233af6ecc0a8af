"""What docker's arguments name, against the Dockerfile and docker-compose.yml. Builds nothing."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from app.settings import PREFIX, Settings
from tests.docs.blocks import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
_OF_THE_OPERATOR = {"secrets.env"}
# Options by command, and whether a value follows.
_COMPOSE = {"--profile": True, "-f": True, "--file": True, "--env-file": True, "-p": True}
_OPTIONS = {
    "up": {"--build": False, "-d": False, "--detach": False, "--wait": False, "--scale": True,
           "--no-build": False, "--no-recreate": False, "--force-recreate": False,
           "--no-deps": False, "--pull": True},
    "down": {"-v": False, "--volumes": False, "-t": True, "--timeout": True},
    "stop": {"-t": True, "--timeout": True},
    "logs": {"-f": False, "--follow": False, "--tail": True, "--since": True},
    "exec": {"-T": False, "-e": True},
    "run": {"--rm": False, "-T": False, "-e": True},
    "restart": {}, "build": {}, "pull": {}, "ps": {}, "config": {"--quiet": False, "-q": False},
    "cp": {},
}  # fmt: skip
_PLAIN = {"save", "load", "image", "images", "inspect", "stop", "start", "rm", "restart", "logs",
          "exec", "tag", "push", "pull", "ps", "cp", "volume", "network", "version", "info",
          "buildx"}  # fmt: skip


def check_docker(arguments: Sequence[str]) -> None:
    """Fails unless docker, as this project sets it up, takes such arguments."""
    command, *rest = arguments
    match command:
        case "compose":
            _compose(rest)
        case "build":
            _build(rest)
        case "run":
            _run(rest)
        case _:
            assert command in _PLAIN, arguments


def _compose(words: Sequence[str]) -> None:
    rest = list(words)
    profiles = {
        name for service in COMPOSE["services"].values() for name in service.get("profiles", ())
    }
    for option, value in _taken(rest, _COMPOSE):
        if option == "--profile":
            assert value in profiles, words
        elif option in ("-f", "--file", "--env-file") and value not in _OF_THE_OPERATOR:
            assert (ROOT / str(value)).is_file(), words
    command = rest.pop(0)
    for option, value in _taken(rest, _OPTIONS[command]):
        if option == "--scale":
            name, _, count = str(value).partition("=")
            assert name in COMPOSE["services"], words
            assert count.isdecimal(), words
        elif option == "-e":
            _variable(str(value))
    named = rest[:1] if command in ("exec", "run") else [] if command == "cp" else rest
    assert set(named) <= COMPOSE["services"].keys(), words


def _taken(words: list[str], options: dict[str, bool]) -> Iterator[tuple[str, str | None]]:
    """Takes the options off the front; each with its value."""
    while words and words[0].startswith("-"):
        option, _, joined = words.pop(0).partition("=")
        assert option in options, f"docker compose: {option}"
        yield option, (joined or words.pop(0)) if options[option] else None


def _build(words: Sequence[str]) -> None:
    for option, value in itertools.pairwise(words):
        if option == "--build-arg":
            name, _, said = value.partition("=")
            assert f"ARG {name}" in DOCKERFILE, words
            if name == "VARIANT":
                assert re.search(rf"^ +{said}\) ", DOCKERFILE, re.MULTILINE), words
    assert words[-1] == ".", words


def _run(words: Sequence[str]) -> None:
    for option, value in itertools.pairwise(words):
        if option in ("-p", "--publish"):
            port = value.rpartition(":")[2]
            assert f"EXPOSE {port}" in DOCKERFILE, words
        elif option in ("-e", "--env"):
            _variable(value)
        elif option in ("-v", "--volume"):
            target = value.split(":")[1]
            assert f'"{target}"' in DOCKERFILE or value.endswith(":ro"), words
    assert any(word.partition(":")[0] == "clip-ad" for word in words), words


def _variable(said: str) -> None:
    name = said.partition("=")[0]
    known = {PREFIX + field.upper() for field in Settings.model_fields} | {"HF_ENDPOINT"}
    assert name in known, said
