"""The one door to the package openvino, an extra that may not be there."""

import sys
from typing import Any

from app.errors import ConfigurationError

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """The module. Raises ConfigurationError without the extra."""
    # openvino and nncf would report their use to a server on the internet. Without this package,
    # which both can do without, they do not.
    sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise ConfigurationError(
            "runtime openvino: the package openvino is not installed; expected the extra, "
            "`pip install .[openvino]`"
        ) from error
    return openvino
