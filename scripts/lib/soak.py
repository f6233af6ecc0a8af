"""Command line of `scripts/soak`."""

from soaks.bodies import hostile
from soaks.crowd import mixed
from soaks.faults import faults
from soaks.stopping import stops

from app.offline.command_line import run_one_of

run_one_of(
    (hostile, faults, mixed, stops),
    "What a running server bears. Ends with 1 when something went wrong.",
)
