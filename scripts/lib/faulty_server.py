"""`python -m app` with a detector that fails on demand; CLIPAD_-less variable FAULTS: its folder.

Everything else is the service as it is: settings, command line, exit codes.
"""

import os
from pathlib import Path

from app import main, parts
from app.__main__ import main as serve
from app.finding import Detector
from app.offline.reliability.faulty import FaultyDetector
from app.settings import Settings


def load_detector(settings: Settings) -> Detector:
    """The detector of the settings, which fails when it is told to."""
    return FaultyDetector(parts.load_detector(settings), Path(os.environ["FAULTS"]))


setattr(main, "load_detector", load_detector)  # noqa: B010 (it is not that module's to give)
serve()
