"""The API keys that are accepted: some for good, some in a file that is read again when it changes.

Knows nothing of settings or HTTP.
"""

import hmac
import logging
import time
from collections.abc import Callable
from pathlib import Path

from app.errors import ConfigurationError

_log = logging.getLogger(__name__)
_Stamp = tuple[int, int, int]


class Keyring:
    """fixed: keys that stay. file: one key per line, `#` begins a comment line; None for no file.

    Without either, everybody is let in. The file is looked at again every `look_again_s`: whoever
    is no longer in it is refused from then on, and a file emptied later lets nobody in. One that
    cannot be read leaves all as it was. Raises ConfigurationError for a file that cannot be
    read or holds no key at the start: a service meant to be protected must not start open.
    """

    def __init__(
        self,
        fixed: frozenset[str] = frozenset(),
        file: Path | None = None,
        *,
        look_again_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fixed = [key.encode() for key in sorted(fixed)]
        self._file = file
        self._look_again_s = look_again_s
        self._clock = clock
        self._looked = clock()
        self._stamp: _Stamp | None = None
        self._filed: list[bytes] = []
        if file is not None:
            self._stamp, self._filed = _read(file)
            if not self._filed:
                raise ConfigurationError(f"{str(file)!r}: holds no key; expected one per line")

    @property
    def asks(self) -> bool:
        """Whether a key is asked for at all."""
        return bool(self._fixed) or self._file is not None

    def accepts(self, offered: str) -> bool:
        """Whether this key is one of them, or none is asked for."""
        if not self.asks:
            return True
        self._look_again()
        given = offered.encode()
        # Every key is compared, in constant time: the answer's delay says nothing about them.
        matches = [hmac.compare_digest(given, key) for key in (*self._fixed, *self._filed)]
        return any(matches)

    def _look_again(self) -> None:
        now = self._clock()
        if self._file is None or now - self._looked < self._look_again_s:
            return
        self._looked = now
        try:
            if _stamp(self._file) == self._stamp:
                return
            self._stamp, self._filed = _read(self._file)
        except (OSError, ConfigurationError) as error:
            if self._stamp is not None:  # told once
                _log.error("API keys: %s; those read before still count", error)
            self._stamp = None
            return
        _log.warning("API keys: %d read anew from %s", len(self._filed), self._file)


def _read(file: Path) -> tuple[_Stamp, list[bytes]]:
    try:
        # The stamp first: what is written meanwhile is seen at the next look.
        stamp = _stamp(file)
        # -sig: Windows begins a text with a mark of its encoding, which is not the first key's.
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{str(file)!r}: cannot be read ({type(error).__name__}); expected a text file with "
            "one key per line"
        ) from error
    words = (line.strip() for line in lines)
    return stamp, [word.encode() for word in words if word and not word.startswith("#")]


def _stamp(file: Path) -> _Stamp:
    found = file.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
