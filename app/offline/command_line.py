"""How the command lines read their options: by typer, `-h` beside `--help`, no completion offered.

Whatever takes time to import (torch: seconds) or belongs to an extra, a command imports in its
own function: by then its options are read, and help and mistyped options have been answered.
Knows nothing of any command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import typer

_Command = Callable[..., Any]
_SETTINGS = {"help_option_names": ["-h", "--help"]}


def run(command: _Command) -> None:
    """Call the function with the options of this process's command line; its docstring is help."""
    reader = typer.Typer(add_completion=False)
    reader.command(context_settings=_SETTINGS)(command)
    reader()


def run_one_of(commands: Iterable[_Command], about: str) -> None:
    """The same with several functions, whose name is the first word."""
    reader = typer.Typer(help=about, add_completion=False, context_settings=_SETTINGS)
    for command in commands:
        reader.command()(command)
    reader()
