"""CHANGELOG.md speaks of the version that there is, newest first."""

import re
import tomllib

from tests.docs.blocks import ROOT, pages


def test_the_newest_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = re.findall(r"^## \[([\d.]+)\] - (?:unreleased|\d{4}-\d{2}-\d{2})$",
                          pages()["CHANGELOG.md"], re.MULTILINE)  # fmt: skip
    assert versions[0] == project["version"]
    assert versions == sorted(versions, key=lambda name: [*map(int, name.split("."))], reverse=True)
