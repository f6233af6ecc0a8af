"""Commands that install, fetch, build or start something: each word names what exists."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from configparser import ConfigParser
from pathlib import Path

import pytest

from app.settings import PREFIX, Settings
from tests.docs.blocks import ROOT, Block, commands, every
from tests.docs.docker import check_docker
from tests.docs.scripts import check_script, every_script, options_in
from tests.docs.test_settings import SET_UP
from tests.store import cluster

CLONE = "git clone REPOSITORY clip-ad && cd clip-ad"
COMMANDS = [
    (block, command)
    for block in every("sh", "bash")
    for command in commands(block)
    if not command.startswith("curl ")
]


@pytest.mark.slow
@pytest.mark.parametrize(("block", "command"), COMMANDS, ids=lambda value: str(value)[:60])
def test_commands_name_what_exists(block: Block, command: str) -> None:
    if command == CLONE:
        return
    for part in command.split(" && "):
        words = shlex.split(part, comments=True)
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            assert name in variables(), f"{block}: {name}"
            assert value or name == f"{PREFIX}HEADS", f"{block}: {name} is empty"
        check(words, str(block))


def check(words: Sequence[str], where: str) -> None:
    program, *arguments = words
    match program:
        case "sudo":
            check(arguments, where)
        case "docker":
            check_docker(arguments)
        case "export":
            for word in arguments:
                assert word.partition("=")[0] in variables(), where
        case "git":
            assert arguments in (["pull"], ["pull", "--ff-only"]), where
        case "systemctl":
            systemctl(arguments, where)
        case "pg_dump" | "pg_restore":
            postgresql(program, arguments, where)
        case _:
            assert program.startswith("./scripts/"), f"{where}: {program} is not known here"
            check_script(program, arguments)


def systemctl(arguments: Sequence[str], where: str) -> None:
    verb, *rest = arguments
    assert verb in ("daemon-reload", "enable", "start", "stop", "restart", "status"), where
    units = {word for word in rest if not word.startswith("--")}
    assert units <= {"clip-ad"}, where


def postgresql(program: str, arguments: Sequence[str], where: str) -> None:
    folder = cluster.binaries()
    found = shutil.which(program) or (folder and shutil.which(program, path=str(folder)))
    if found:
        said = subprocess.run([found, "--help"], text=True, capture_output=True, check=True).stdout
        assert options_in(arguments) <= set(re.findall(r"--[a-z-]+", said)), where


def variables() -> set[str]:
    """Every environment variable that something here reads."""
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    compose = (ROOT / "docker-compose.yml").read_text() + (ROOT / ".env").read_text()
    sources = [*ROOT.glob("scripts/lib/*.py"), *ROOT.glob("tests/page/*.py")]
    code = "".join(path.read_text() for path in sources)
    return {
        *settings,
        *SET_UP,
        *re.findall(r"\$\{(\w+)", compose),
        *re.findall(r"^ +([A-Z_]+):", compose, re.MULTILINE),
        *re.findall(r"^(\w+)=", compose, re.MULTILINE),
        *re.findall(rf'"({PREFIX}\w+)"', code),
    }


def test_every_script_is_written_of() -> None:
    named = {word for _, line in COMMANDS for word in re.findall(r"\./scripts/(\w+)", line)}
    assert every_script() <= named


def test_every_unit_is_one_that_systemd_can_read() -> None:
    units = every("ini")
    assert units
    for block in units:
        unit = ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(block.text)
        service = unit["Service"]
        script = Path(service["ExecStart"].split()[0])
        assert script.is_absolute()
        assert (ROOT / "scripts" / script.name).is_file()
        assert script.parent.parent == Path(service["WorkingDirectory"])
        timeout = Settings.model_fields["request_timeout_s"].default
        assert int(service["TimeoutStopSec"]) > timeout
        assert service["Restart"] == "always"
        for line in block.text.splitlines():
            if line.startswith("Environment="):
                assert line.removeprefix("Environment=").partition("=")[0] in variables(), line


def test_what_nginx_is_told_is_what_it_takes() -> None:
    known = {"listen", "server", "ssl_certificate", "ssl_certificate_key", "client_max_body_size"}
    for block in every("nginx"):
        for line in block.text.splitlines():
            told = line.partition("#")[0].strip()
            assert told.endswith(";"), f"{block}: {line}"
            assert told.split()[0] in known, f"{block}: {line}"
