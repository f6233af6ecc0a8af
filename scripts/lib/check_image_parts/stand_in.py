"""A base of Debian's own packages, where the official Python image cannot be had.

Like that one it has a Python with venv and the certificates, and no compiler.
"""

from pathlib import Path

from check_image_parts.buildah import Buildah
from check_image_parts.commands import run

SUITE = "bookworm"
_PACKAGES = "python3,python3-venv,ca-certificates"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def stand_in(buildah: Buildah, cache: Path, mirror: str | None, log: Path) -> str:
    """The stand-in's name for a FROM; made now unless `cache` has it."""
    archive = cache / f"stand-in-{SUITE}.tar"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = archive.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        _make(buildah, unfinished, mirror, log)
        unfinished.replace(archive)
    return f"oci-archive:{archive}"


def _make(buildah: Buildah, archive: Path, mirror: str | None, log: Path) -> None:
    container = buildah("from", "scratch")
    root = Path(buildah("mount", container))
    words = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", SUITE, str(root)]
    run([*words, mirror] if mirror else words, log)
    for pattern in ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_*", "var/cache/apt/*.bin"):
        for leftover in root.glob(pattern):
            leftover.unlink()
    buildah("umount", container)
    made = f"--created-by=debootstrap {SUITE}"
    buildah("config", f"--env=PATH={_PATH}", "--cmd=python3", made, container)
    buildah("commit", "--rm", container, f"oci-archive:{archive}")
