"""constraints.txt against pyproject.toml and against what the tests run with."""

import re
import sysconfig
import tomllib
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(requirement: str) -> str:
    return normal(re.split(r"[\[<>=~!;( ]", requirement)[0])


def locked() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, version in pins}


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        asked += extra
    names = {required(requirement) for requirement in asked}
    assert names - {normal(project["name"])} - locked().keys() == set()


def installed_for(name: str, found: dict[str, str] | None = None) -> dict[str, str]:
    """Versions of a distribution and of all that it asked for, as far as installed."""
    found = {} if found is None else found
    # Only of this environment: what packages carry inside for themselves is no dependency.
    items = distributions(name=name, path=[sysconfig.get_path("purelib")])
    item = next(iter(items), None)
    if item is None:  # asked for on another system, or by an extra not chosen
        return found
    # A build of torch tells itself apart by a local version: 2.0+cpu is a 2.0.
    found[normal(name)] = item.version.partition("+")[0]
    for requirement in item.requires or []:
        if required(requirement) not in found and (
            "extra ==" not in requirement or name == "clip-ad"
        ):
            installed_for(required(requirement), found)
    return found


def test_what_is_installed_is_what_is_locked() -> None:
    installed = installed_for("clip-ad")
    assert installed.pop("clip-ad")
    assert len(installed) > 40
    assert {
        name: version for name, version in installed.items() if locked().get(name) != version
    } == {}
