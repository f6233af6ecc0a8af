"""What programs say when they are asked for help: all in one process, so that torch comes once.

A program by itself: the words that python is given, as JSON, to standard input as a list of them.
"""

import contextlib
import io
import json
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

_LIBRARY = str(Path(__file__).parents[2] / "scripts" / "lib")
_WIDE = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}


def said(program: Sequence[str]) -> str:
    """What a program prints for --help; `-m` names a module, the first word a file or folder."""
    first, *rest = program
    before = set(sys.modules)
    path = list(sys.path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        if first == "-m":
            sys.argv = [*rest, "--help"]
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [first, *rest, "--help"]
            sys.path.insert(0, str(Path(first).parent))
            runpy.run_path(first, run_name="__main__")
    sys.path[:] = path
    for name in set(sys.modules) - before:  # each program has a `report` or the like of its own
        if str(getattr(sys.modules[name], "__file__", "")).startswith(_LIBRARY):
            del sys.modules[name]
    return printed.getvalue()


if __name__ == "__main__":
    os.environ |= _WIDE
    print(json.dumps([said(program) for program in json.load(sys.stdin)]))
