"""Command line of `scripts/check_image`."""

import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from check_image_parts.buildah import MEBIBYTE, Buildah
from check_image_parts.commands import CheckError, run
from check_image_parts.context import change_application, copy_project
from check_image_parts.objections import of_config, of_files, of_steps
from check_image_parts.pip_config import BUILD_FOLDER, gather, host_config
from check_image_parts.stand_in import stand_in
from check_image_parts.trial import try_image
from rich.console import Console
from rich.table import Table

from app.offline.command_line import run as run_command

_PROJECT = Path(__file__).resolve().parents[2]
_IMAGE = "localhost/clip-ad:checked"
_TOOLS = ("buildah", "debootstrap", "git", "ip", "nsenter", "setpriv", "unshare")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "clip-ad"
_LARGEST = 5
_console = Console(width=110, stderr=True)


def main(
    place: Annotated[Path, typer.Option(help="empty folder for all that is built", hidden=True)],
    base: Annotated[
        str | None,
        typer.Option(help="base image; default: a stand-in of Debian's packages, by debootstrap"),
    ] = None,
    variant: Annotated[str, typer.Option(help="gpu or cpu, as the Dockerfile has it")] = "gpu",
    pip_config: Annotated[
        bool, typer.Option(help="install from where pip on this machine is configured to")
    ] = False,
    mirror: Annotated[str | None, typer.Option(help="Debian's mirror for the stand-in")] = None,
    cache: Annotated[Path, typer.Option(help="folder that keeps the stand-in")] = _CACHE,
    driver: Annotated[
        str,
        typer.Option(
            help="buildah's storage: overlay, or vfs where the file system has no overlays; then "
            "every layer takes the whole image's size"
        ),
    ] = "overlay",
) -> None:
    """Build the image with buildah, without Docker; run its server confined; post a picture.

    Needs root and, for gpu, some 35 GiB of disk. Ends with 1 when something is not as it must be.
    """
    try:
        _require()
        wrong = _check(place, base, variant, pip_config, mirror, cache, driver)
    except CheckError as error:
        _console.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    for line in wrong:
        _console.print(f"WRONG: {line}", markup=False)
    sys.exit(1 if wrong else 0)


def _require() -> None:
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise CheckError(
            f"missing: {', '.join(missing)}; on Debian: apt-get install buildah debootstrap git "
            "iproute2 util-linux"
        )
    if os.geteuid() != 0:
        raise CheckError(f"runs as user {os.geteuid()}; expected root, who may mount")


def _check(
    place: Path,
    base: str | None,
    variant: str,
    pip_config: bool,
    mirror: str | None,
    cache: Path,
    driver: str,
) -> list[str]:
    """Build, look, run and tell; what is wrong."""
    os.environ["TMPDIR"] = str(place)  # there buildah puts its own, too
    buildah = Buildah(place, driver)
    context = place / "context"
    copy_project(_PROJECT, context)
    if base is None:
        _console.print("a stand-in for the base")
        base = stand_in(buildah, cache, mirror, place / "debootstrap.log")
    options = _pip_options(place / "pip") if pip_config else []
    arguments = {"BASE": base, "VARIANT": variant}
    _console.print(f"building over {base}")
    built = buildah.build(_IMAGE, context, arguments, options, place / "build.log")
    change_application(context)
    _console.print(f"built in {built.seconds:.0f} s; again, with a change to the application")
    rebuilt = buildah.build(_IMAGE, context, arguments, options, place / "rebuild.log")

    described, layers = buildah.inspect(_IMAGE)
    wrong = [*of_steps(rebuilt.steps), *of_config(described)]
    root = Path(buildah("mount", buildah("from", "--pull-never", _IMAGE)))
    _console.print("looking through its files")
    wrong += of_files(root)
    _console.print("starting its server")
    trial = try_image(described["config"], root, place)
    wrong += trial.wrong

    table = Table("layer, from the base up", "MiB", title=f"clip-ad, {variant}")
    table.columns[1].justify = "right"
    for layer in layers:
        table.add_row(layer.made_by[:80], f"{layer.mib:.1f}")
    size = sum(layer.mib for layer in layers)
    table.add_section()
    table.add_row("together", f"{size:.1f}")
    for folder, mib in (largest := _largest(root)).items():
        table.add_row(f"of it {folder}", f"{mib:.1f}")
    _console.print(table)
    figures = {
        "check": "image",
        "variant": variant,
        "base": "stand-in" if base.startswith("oci-archive:") else base,
        "build_s": round(built.seconds, 1),
        "rebuild_s": round(rebuilt.seconds, 1),
        "size_mib": round(size),
        "layers_mib": [round(layer.mib, 2) for layer in layers],
        "largest_mib": {folder: round(mib) for folder, mib in largest.items()},
        **{name: _rounded(value) for name, value in asdict(trial).items() if name != "wrong"},
        "wrong": wrong,
    }
    print(json.dumps(figures))
    return wrong


def _rounded(value: object) -> object:
    return round(value, 2) if isinstance(value, float) else value


def _pip_options(folder: Path) -> list[str]:
    """What a build needs to install as this machine does; nothing of it stays in a layer."""
    places, file = folder / "places", folder / "pip.conf"
    places.mkdir(parents=True)
    text = gather(host_config(), places, lambda here, there: run(["mount", "--bind", here, there]))
    file.write_text(text, encoding="utf-8")
    return [f"--secret=id=pip.conf,src={file}", f"--volume={places}:{BUILD_FOLDER}:ro"]


def _largest(root: Path) -> dict[str, float]:
    """The largest packages, by folder, in MiB."""
    (packages,) = root.glob("opt/venv/lib/python*/site-packages")
    listed = run(["du", "--bytes", "--max-depth=1", packages]).splitlines()
    sizes = {
        Path(path).name: int(size) / MEBIBYTE
        for size, path in (line.split("\t") for line in listed)
        if Path(path) != packages
    }
    return dict(sorted(sizes.items(), key=lambda item: -item[1])[:_LARGEST])


run_command(main)
