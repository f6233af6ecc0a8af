"""What an image must not be, have or answer: every finding a line, none when all is well.

Reads what it is given, runs nothing.
"""

import base64
import io
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from check_image_parts.buildah import Step
from check_image_parts.container import TEMPORARY, VOLUMES
from check_image_parts.context import BAIT
from check_image_parts.pip_config import BUILD_FOLDER

_USER = "1000:1000"
_PROJECT = {"LICENSE", "README.md", "app", "data", "model_weights"}
_WEIGHTS = {"README.md", "demo"}
# Of variables; a public one: the official Python image names the key its releases are signed with.
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|^PIP_|PROXY$)", re.IGNORECASE)
_PUBLIC = {"GPG_KEY"}
_SECRET_FILE = re.compile(
    r"\.env(\..*)?|\.git|\.netrc|\.pypirc|pip\.conf|\.ssh|id_(rsa|dsa|ecdsa|ed25519)|.*\.key"
)
_COMPILER = re.compile(
    r"(.*-)?(cc|gcc|g\+\+|c\+\+|cpp|clang(\+\+)?|tcc|as|ld(\.(bfd|gold|lld))?|rustc|go|nvcc|gfortran)"
    r"(-[\d.]+)?"
    r"|make|gmake|cmake|ninja|c89|c99"
)
_PRIVATE = b"PRIVATE KEY-----"
_LITTLE = 100_000  # bytes of a file that may be a key


def of_steps(steps: Sequence[Step]) -> Iterator[str]:
    """Of a second build, after a change to the application alone."""
    if not steps:
        yield "the second build's log names no steps"
    for step in steps:
        installs = "pip install" in step.instruction or "--from=environment" in step.instruction
        if installs and not step.cached:
            yield f"built again though only the application changed: {step.instruction[:60]}"
        if step.instruction.startswith("COPY app ") and step.cached:
            yield "the changed application was not copied: its layer came from the cache"
    for needed in ("pip install", "--from=environment", "COPY app "):
        if not any(needed in step.instruction for step in steps):
            yield f"no step of the Dockerfile has {needed!r}"


def of_config(described: Mapping[str, Any]) -> Iterator[str]:
    """Of what the image says of itself."""
    config = described["config"]
    expected = {
        "User": _USER,
        "WorkingDir": "/app",
        "Entrypoint": ["python", "-m", "app"],
        "ExposedPorts": {"8000/tcp": {}},
        "Volumes": {volume: {} for volume in VOLUMES},
    }
    for name, value in expected.items():
        if config.get(name) != value:
            yield f"{name} is {config.get(name)!r}; expected {value!r}"
    test = (config.get("Healthcheck") or {}).get("Test") or [""]
    if test[0] != "CMD" or "/readyz" not in test[-1]:
        yield f"Healthcheck is {test!r}; expected a command that asks for /readyz"
    for variable in config.get("Env") or []:
        name = variable.partition("=")[0]
        if name not in _PUBLIC and _SECRET_NAME.search(name):
            yield f"variable {name}: expected none of this kind in an image"
    for entry in described.get("history") or []:
        if "pip.conf" in entry["created_by"] or BAIT in entry["created_by"]:
            yield f"history tells of pip's configuration: {entry['created_by'][:60]}"


def of_files(root: Path) -> Iterator[str]:
    """Of all that lies in the image: secrets, compilers, what the project did not mean to ship."""
    for folder, expected in (("app", _PROJECT), ("app/model_weights", _WEIGHTS)):
        if (found := {path.name for path in (root / folder).iterdir()}) != expected:
            yield f"/{folder} holds {sorted(found)}; expected {sorted(expected)}"
    for empty in (*VOLUMES, TEMPORARY, BUILD_FOLDER, "/root/.cache"):
        if (inside := root / empty.lstrip("/")).is_dir() and any(inside.iterdir()):
            yield f"{empty} is not empty: {sorted(path.name for path in inside.iterdir())[:5]}"
    for path in _everything(root):
        shown = f"/{path.relative_to(root)}"
        if _SECRET_FILE.fullmatch(path.name):
            yield f"{shown}: expected no file of this name in an image"
        if path.parent.name in ("bin", "sbin") and _COMPILER.fullmatch(path.name):
            yield f"{shown}: expected no compiler in an image"
        if shown.startswith(("/app/", "/opt/")) and not _is_public_and_fixed(path):
            yield f"{shown}: {_described(path)}; expected root's, readable to all, writable to none"
        if _may_be_key(path) and _PRIVATE in path.read_bytes():
            yield f"{shown}: holds a private key"
        if shown.startswith("/app/") and path.is_file() and BAIT.encode() in path.read_bytes():
            yield f"{shown}: came through .dockerignore"


def of_answer(answer: Mapping[str, Any], picture: Path) -> Iterator[str]:
    """Of the service's words on a picture of scratched wood."""
    score, parts = answer["anomaly_score"], answer["score_parts"]
    if not score > 0.9:
        yield f"anomaly_score is {score}; expected more than 0.9 for {picture.name}"
    if abs(score - sum(parts.values())) > 1e-4:
        yield f"anomaly_score is {score}; expected the sum of {parts}"
    heatmap = answer["heatmap"]
    with Image.open(io.BytesIO(base64.b64decode(heatmap["data"]))) as drawn:
        drawn.load()
        with Image.open(picture) as posted:
            if (drawn.format, drawn.size) != ("PNG", posted.size):
                yield f"the heatmap is {drawn.format} {drawn.size}; expected PNG {posted.size}"


def _everything(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            yield Path(folder, name)


def _is_public_and_fixed(path: Path) -> bool:
    found = path.lstat()
    if f"/{path.parent.name}/{path.name}" == "/app/data" or stat.S_ISLNK(found.st_mode):
        return True
    readable = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(found.st_mode) else 0)
    others = stat.S_IWOTH | stat.S_IWGRP
    return found.st_uid == 0 and found.st_mode & readable == readable and not found.st_mode & others


def _described(path: Path) -> str:
    found = path.lstat()
    return f"user {found.st_uid}, {stat.filemode(found.st_mode)}"


def _may_be_key(path: Path) -> bool:
    return path.suffix in (".pem", ".key") and path.is_file() and path.stat().st_size < _LITTLE
