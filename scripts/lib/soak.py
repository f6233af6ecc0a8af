"""Command line of `scripts/soak`."""

import typer
from soaks.bodies import hostile
from soaks.crowd import mixed
from soaks.faults import faults
from soaks.stopping import stops

app = typer.Typer(help="What a running server bears. Ends with 1 when something went wrong.")
for command in (hostile, faults, mixed, stops):
    app.command()(command)

app()
