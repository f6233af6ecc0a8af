"""Settings: everything an operator can choose, from `CLIPAD_*` variables or `.env`.

Read by the composition root and by scripts alone; no other module knows that an environment
exists. A variable that is set but empty counts as unset; but for HEADS, where it means none.
"""

from app.settings.keys import keyring
from app.settings.loading import load_settings, load_variables, settings_with
from app.settings.model import (
    DEMO_BACKBONE,
    DEMO_HEADS,
    DEMO_WEIGHTS,
    PREFIX,
    PROJECT,
    SAMPLES,
    Settings,
)
from app.settings.names import unknown_variables

__all__ = [
    "DEMO_BACKBONE",
    "DEMO_HEADS",
    "DEMO_WEIGHTS",
    "PREFIX",
    "PROJECT",
    "SAMPLES",
    "Settings",
    "keyring",
    "load_settings",
    "load_variables",
    "settings_with",
    "unknown_variables",
]
