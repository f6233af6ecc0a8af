"""Command line of `scripts/parity`: one line per stored tensor; exit 1 if any differs too much."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.errors import ConfigurationError
from app.offline.command_line import run

_STORED = Path(__file__).resolve().parents[2] / "tests" / "data" / "parity"


def main(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="folders of stored outputs; default: the project's")
    ] = None,
) -> None:
    """Compare with what the method's released implementation computed."""
    from app.offline.parity import Parity

    console = Console(soft_wrap=True)
    failed = False
    for folder in folders or sorted(path.parent for path in _STORED.glob("*/config.json")):
        table = Table("key", "largest difference", "allowed", "", title=folder.name)
        try:
            found = list(Parity(folder).compare())
        except ConfigurationError as error:
            Console(stderr=True, soft_wrap=True).print(f"error: {error}", markup=False)
            sys.exit(1)
        for row in found:
            word = "ok" if row.passed else "DIFFERS"
            table.add_row(row.key, f"{row.difference:.1e}", f"{row.tolerance:.1e}", word)
        differ = sum(not row.passed for row in found)
        failed = failed or differ > 0
        console.print(table)
        console.print(f"{folder.name}: {len(found)} compared, {differ} differ")
    sys.exit(1 if failed else 0)


run(main)
