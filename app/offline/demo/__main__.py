"""`python -m app.offline.demo`: see `command.main`."""

from app.offline.command_line import run
from app.offline.demo.command import main

run(main)
