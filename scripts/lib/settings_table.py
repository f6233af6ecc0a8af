"""Prints the table of settings for docs/settings.md, from the settings themselves."""

from pathlib import Path
from typing import Any

from app.settings import DEMO_BACKBONE, DEMO_WEIGHTS, PREFIX, PROJECT, Settings


def table() -> str:
    """A Markdown table: variable, default, meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    rows += [
        f"| `{PREFIX}{name.upper()}` | {_shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(rows)


def _shown(default: Any) -> str:
    if default is None:
        return ""
    if default in (str(DEMO_BACKBONE), str(DEMO_WEIGHTS)):
        return "the demo"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, Path):
        return f"`{default.relative_to(PROJECT)}`"
    return f"`{default}`"


if __name__ == "__main__":
    print(table())
