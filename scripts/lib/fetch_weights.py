"""Command line of `scripts/fetch_weights`: fetches one pretrained model, says where it lies."""

import logging
import sys
from typing import Annotated

import typer
from rich.console import Console

from app.errors import ConfigurationError
from app.offline.command_line import run


def main(
    name: Annotated[str, typer.Argument(help="open_clip model, such as ViT-B-16-plus-240")],
    tag: Annotated[str, typer.Argument(help="its pretrained tag, such as laion400m_e31")],
) -> None:
    """Fetch pretrained weights into the model directory, unless they are there already."""
    from app.clipad.hub import fetch
    from app.settings import load_settings

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        path = fetch(name, tag, load_settings().model_dir)
    except ConfigurationError as error:
        Console(stderr=True, soft_wrap=True).print(f"error: {error}", style="red", markup=False)
        sys.exit(1)
    # The path alone on standard output, for use by other programs.
    print(path)
    Console(stderr=True, soft_wrap=True).print(
        f"serve it: CLIPAD_BACKBONE={name} CLIPAD_WEIGHTS={tag} ./scripts/serve", markup=False
    )


run(main)
