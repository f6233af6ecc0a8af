"""The project's pages in Markdown, and the blocks of code in them."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ADDRESS = "127.0.0.1:8000"
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r'^([A-Z]+)="(.*)"$')


@dataclass(frozen=True)
class Block:
    """One fenced block. line: its first fence's, from 1. info: what follows that fence."""

    page: str
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def pages() -> dict[str, str]:
    """Every page that git has or would add, by its path from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    found = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    names = sorted(set(found.stdout.splitlines()))
    return {
        name: (ROOT / name).read_text(encoding="utf-8") for name in names if (ROOT / name).exists()
    }


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """A page's blocks in their order."""
    text = pages()[page]
    return tuple(
        Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for found in _FENCE.finditer(text)
    )


def every(*infos: str) -> list[Block]:
    """All pages' blocks of these languages."""
    return [block for page in pages() for block in blocks(page) if block.info in infos]


def outside(page: str) -> str:
    """A page's text without its blocks; the lines keep their numbers."""
    return _FENCE.sub(lambda found: "\n" * found[0].count("\n"), pages()[page])


def commands(block: Block) -> Iterator[str]:
    """A shell block's commands: continued lines joined, variables put in, comments left out."""
    waiting = ""
    for line in block.text.replace("\\\n", " ").splitlines():
        waiting += line
        try:
            words = shlex.split(waiting, comments=True)
        except ValueError:  # a quote that is closed on a later line
            waiting += "\n"
            continue
        if words and not _VARIABLE.match(waiting):
            yield _filled(waiting, variables(block.page))
        waiting = ""
    assert not waiting, f"{block}: a quote is never closed"


@cache
def variables(page: str) -> dict[str, str]:
    """What lines such as `B="..."` of a page's shell blocks say."""
    lines = (line for block in blocks(page) for line in block.text.splitlines())
    return dict(found.groups() for line in lines if (found := _VARIABLE.match(line)))


def _filled(command: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        command = re.sub(rf"\${name}\b", lambda _, said=value: said, command)
    return command
