"""The files a build is given: the project's, and among them some that must not come through."""

import shutil
from pathlib import Path

from check_image_parts.commands import run

# Such a word is in no other file: where it is found, one of the BAITS has come through.
BAIT = "bait-of-check-image-c0ffee"
BAITS = (
    ".env",
    ".git/config",
    ".ssh/id_ed25519",
    "app/.env",
    "app/.cache/token",
    "app/__pycache__/main.cpython-311.pyc",
    "data/clip-ad.db",
    "model_weights/fetched.safetensors",
    "pip.conf",
    "secrets.txt",
)


def copy_project(project: Path, folder: Path) -> None:
    """What git tracks, or would, of a project, as it lies there now; and BAITS."""
    listed = run(["git", "-C", project, "ls-files", "-coz", "--exclude-standard"])
    for name in filter(None, listed.split("\0")):
        source, target = project / name, folder / name
        if source.is_file():  # not one that is deleted, but not yet for git
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for name in BAITS:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{BAIT}\n", encoding="utf-8")


def change_application(folder: Path) -> None:
    """What a developer does between two builds: a line more in one file."""
    with (folder / "app" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
