"""What programs say when they are asked for help: all in one process, with nothing heavy in reach.

A program by itself: command lines as JSON to standard input, a list of words each, as python is
given them; as JSON back the exit code of each, and what it printed.
"""

import contextlib
import importlib.abc
import io
import json
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

_LIBRARY = str(Path(__file__).parents[2] / "scripts" / "lib")
_WIDE = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}
# What takes seconds to import, and what comes with an extra alone.
HEAVY = {
    *("fastapi", "open_clip", "scipy", "sklearn", "starlette", "torch", "torchvision"),
    *("cv2", "httpx", "jinja2", "nncf", "openvino", "psycopg", "skimage", "tensorboardX"),
}


class _Refusing(importlib.abc.MetaPathFinder):
    """No ImportError: that may be caught, as of something optional."""

    def find_spec(self, name: str, *_: object) -> None:
        assert name.partition(".")[0] not in HEAVY, f"{sys.argv}: imports {name}"


def said(words: Sequence[str]) -> tuple[int, str]:
    """What a command line prints, and its exit code; `-m` names a module, else a file or folder."""
    first, *rest = words
    before = set(sys.modules)
    path = list(sys.path)
    printed = io.StringIO()
    code = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            if first == "-m":
                sys.argv = rest
                runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
            else:
                sys.argv = [first, *rest]
                sys.path.insert(0, str(Path(first).parent))
                runpy.run_path(first, run_name="__main__")
        except SystemExit as end:
            code = int(end.code or 0)
    sys.path[:] = path
    for name in set(sys.modules) - before:  # each program has a `report` or the like of its own
        if str(getattr(sys.modules[name], "__file__", "")).startswith(_LIBRARY):
            del sys.modules[name]
    return code, printed.getvalue()


if __name__ == "__main__":
    os.environ |= _WIDE
    sys.meta_path.insert(0, _Refusing())
    print(json.dumps([said(words) for words in json.load(sys.stdin)]))
