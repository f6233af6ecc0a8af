"""Command line of `scripts/generate_dataset`: options in, a progress bar out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.errors import ClipAdError
from app.offline.choices import Group, Split
from app.offline.command_line import run

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def main(
    out: Annotated[Path, typer.Argument(help="folder to make; must not hold anything else")],
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help=f"a kind or a group ({', '.join(Group)}); may be repeated; default objects"
        ),
    ] = None,
    pairs: Annotated[int, typer.Option(help="good and defective twins per kind")] = 100,
    split: Annotated[
        Split, typer.Option(help="unseen, photographs and held_out: benchmark only")
    ] = Split.TRAINING,
    first_seed: Annotated[int, typer.Option(help="seeds count from here, pair by pair")] = 0,
) -> None:
    """Generate a data set of good pictures and damaged twins with masks, in MVTec-AD's layout.

    The pictures are synthetic: good for trying the program, not for judging it.
    """
    import cv2

    from app.offline.datasets import describe, open_dataset
    from app.offline.synthetic.on_disk import DiskRecipe, expand_kinds, write_dataset

    cv2.setNumThreads(1)  # pictures of 240 pixels: more threads only wait for each other
    columns = (
        TextColumn("generating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    try:
        recipe = DiskRecipe(expand_kinds(kind or ["objects"]), pairs, split, first_seed)
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("", total=len(recipe.kinds) * pairs)
            made = write_dataset(out, recipe, lambda done, _: bar.update(task, completed=done))
            bar.update(task, completed=len(recipe.kinds) * pairs)
        said = "made" if made else "already there"
        console.print(said, describe(open_dataset("mvtec", out)), markup=False)
    except (ClipAdError, OSError) as error:
        errors.print(f"error: {error}", style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    run(main)
