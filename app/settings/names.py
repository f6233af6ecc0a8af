"""Variables that look like settings and are none: a mistyped name must not pass in silence."""

import difflib
import os
from collections.abc import Mapping

from dotenv import dotenv_values

from app.settings.model import ENV_ENCODING, ENV_FILE, PREFIX, Settings


def unknown_variables(environment: Mapping[str, str | None] | None = None) -> list[str]:
    """One warning for each `CLIPAD_*` variable that no setting has, with the nearest name.

    environment: default os.environ and `.env` together.
    """
    if environment is None:
        environment = {**dotenv_values(ENV_FILE, encoding=ENV_ENCODING), **os.environ}
    known = [name.upper() for name in Settings.model_fields]
    warnings = []
    for variable in sorted(environment):
        name = variable.upper().removeprefix(PREFIX)
        if not variable.upper().startswith(PREFIX) or name in known:
            continue
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {PREFIX}{nearest[0]}?" if nearest else ""
        warnings.append(f"{variable}: no such setting, ignored{hint}")
    return warnings
