"""Images built by buildah as root, without a daemon; all it keeps lies in one folder."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from check_image_parts.commands import run

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Step:
    """One instruction of a build, and whether its layer was there already."""

    instruction: str
    cached: bool


@dataclass(frozen=True)
class Build:
    """How a build went."""

    seconds: float
    steps: Sequence[Step]


@dataclass(frozen=True)
class Layer:
    """What one instruction added, and its size as the tar file it is before compression."""

    made_by: str
    mib: float


class Buildah:
    """`buildah` with its storage in `folder`."""

    def __init__(self, folder: Path, driver: str) -> None:
        self._command: list[str | Path] = [
            *("buildah", "--root", folder / "storage", "--runroot", folder / "run"),
            *("--storage-driver", driver),
        ]

    def __call__(self, *words: str | Path, log: Path | None = None) -> str:
        """What a command of buildah prints, without the end of its last line."""
        return run([*self._command, *words], log).rstrip("\n")

    def build(
        self,
        image: str,
        context: Path,
        arguments: Mapping[str, str],
        options: Sequence[str],
        log: Path,
    ) -> Build:
        """Build the context's Dockerfile."""
        words = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        start = time.perf_counter()
        # In the OCI's own format there is no HEALTHCHECK.
        self(
            *("build", "--isolation=chroot", "--format=docker", "--layers", f"--tag={image}"),
            *words,
            *options,
            context,
            log=log,
        )
        seconds = time.perf_counter() - start
        return Build(seconds, parse_steps(log.read_text(encoding="utf-8")))

    def inspect(self, image: str) -> tuple[dict[str, Any], list[Layer]]:
        """The image's configuration, as Docker writes it, and its layers from the base up."""
        found = json.loads(self("inspect", "--type=image", image))
        described: dict[str, Any] = found["Docker"]
        made = [entry for entry in described["history"] if not entry.get("empty_layer")]
        blobs = json.loads(found["Manifest"])["layers"]
        return described, [
            Layer(plain(entry["created_by"]), blob["size"] / MEBIBYTE)
            for entry, blob in zip(made, blobs, strict=True)
        ]


def plain(created_by: str) -> str:
    """An instruction of an image's history without the shell and the digests around it."""
    words = created_by.removeprefix("/bin/sh -c ").removeprefix("#(nop) ")
    return re.sub(r"\b(dir|file|multi):[0-9a-f]{64} in ", "... ", words).strip()


def parse_steps(log: str) -> list[Step]:
    """The instructions that a build's log tells of, in its order.

    One that needs another stage begins first and ends last: the stage's own are told in between.
    """
    steps: list[Step] = []
    under_way: list[int] = []
    ended = ""  # the layer that was found in the cache, which is told twice
    for line in log.splitlines():
        if begun := re.match(r"(?:\[\d+/\d+\] )?STEP \d+/\d+: (.*)", line):
            steps.append(Step(begun[1], cached=False))
            if not begun[1].startswith("FROM "):
                under_way.append(len(steps) - 1)
        elif (found := re.fullmatch(r"--> Using cache (\w+)", line)) and under_way:
            at = under_way.pop()
            steps[at] = Step(steps[at].instruction, cached=True)
            ended = found[1]
        elif (made := re.fullmatch(r"--> (\w+)", line)) and under_way:
            if not (ended and ended.startswith(made[1])):
                under_way.pop()
            ended = ""
    return steps
