"""Where a Chromium for the page's tests is, and what is to be said where none is."""

import os
import shutil

ABSENT = (
    "NOT TESTED in a browser: there is no Chromium on this machine; install Debian's package "
    "`chromium`, or name another one in CLIPAD_CHROMIUM"
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",  # root has none, and the pages are our own
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def chromium() -> str | None:
    """The program, or None."""
    named = os.environ.get("CLIPAD_CHROMIUM")
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)
