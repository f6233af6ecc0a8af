"""`python -m app.offline.demo`: see `command.main`."""

import typer

from app.offline.demo.command import main

typer.run(main)
